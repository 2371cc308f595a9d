# What `cmake --install` leaves: headers, libraries, a CMake package and pkg-config files.
include(CMakePackageConfigHelpers)

# basalt::basalt is the allocator to take when in doubt. Until the engine is there, that is the small kitchen.
add_library(basalt INTERFACE)
target_link_libraries(basalt INTERFACE basalt_basic)

add_library(basalt::basalt ALIAS basalt)
add_library(basalt::basic ALIAS basalt_basic)
add_library(basalt::basic-global ALIAS basalt_basic_global)
add_library(basalt::basic-preload ALIAS basalt_basic_preload)

install(TARGETS basalt basalt_basic basalt_basic_global basalt_basic_preload EXPORT basalt-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

install(DIRECTORY include/basalt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# The floors that public headers are made of lie beside them.
foreach(floor IN ITEMS base platform source basic engine door)
  install(DIRECTORY src/${floor} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/basalt FILES_MATCHING PATTERN *.hpp)
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/basalt)
install(EXPORT basalt-targets NAMESPACE basalt:: DESTINATION ${package_dir} FILE basaltTargets.cmake)
file(WRITE ${PROJECT_BINARY_DIR}/basaltConfig.cmake
  "include(\${CMAKE_CURRENT_LIST_DIR}/basaltTargets.cmake)\n")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/basaltConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/basaltConfig.cmake ${PROJECT_BINARY_DIR}/basaltConfigVersion.cmake
  DESTINATION ${package_dir})

# Paths in these are relative to the file itself: an installation may be moved, or made with another --prefix.
file(RELATIVE_PATH BASALT_INCLUDE_FROM_LIB
  /${CMAKE_INSTALL_LIBDIR} /${CMAKE_INSTALL_INCLUDEDIR})
configure_file(cmake/basalt-basic.pc.in basalt-basic.pc @ONLY)
configure_file(cmake/basalt-basic-global.pc.in basalt-basic-global.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/basalt-basic.pc ${PROJECT_BINARY_DIR}/basalt-basic-global.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
