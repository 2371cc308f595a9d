// An audit library for LD_AUDIT that listens to nothing. The dynamic linker loads it into a namespace of its own, before
// everything else and with a libc of its own.
extern "C" unsigned la_version(unsigned version) { return version; }
