# What `cmake --install` leaves: headers, libraries, a CMake package and pkg-config files.
include(CMakePackageConfigHelpers)

# basalt::basalt is the allocator to take when in doubt: the engine. basalt::basic is the one to read.
set(installed basalt_engine basalt_engine_global basalt_engine_preload
              basalt_hardened basalt_hardened_global basalt_hardened_preload
              basalt_basic basalt_basic_global basalt_basic_preload basalt_recorded_preload)
foreach(target IN LISTS installed)
  get_target_property(name ${target} EXPORT_NAME)
  add_library(basalt::${name} ALIAS ${target})
endforeach()

install(TARGETS ${installed} EXPORT basalt-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

install(DIRECTORY include/basalt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# The floors that public headers are made of lie beside them.
foreach(floor IN LISTS basalt_floors)
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
foreach(module IN ITEMS basalt basalt-global basalt-shared basalt-basic basalt-basic-global basalt-basic-shared
               basalt-hardened basalt-hardened-global basalt-hardened-shared)
  configure_file(cmake/${module}.pc.in ${module}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${module}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
