# Gives the targets mqproducer::shared and mqproducer::static, and mqproducer::mqproducer, which is the shared one unless
# MQPRODUCER_USE_STATIC is on: the library with the C headers, and with those of C++ where the project speaks it.
include(CMakeFindDependencyMacro)
find_dependency(Threads)

get_filename_component(mqproducer_prefix "${CMAKE_CURRENT_LIST_DIR}/../../@UP@" ABSOLUTE)

if(NOT TARGET mqproducer::shared)
  add_library(mqproducer::shared SHARED IMPORTED)
  set_target_properties(mqproducer::shared PROPERTIES
    IMPORTED_LOCATION "${mqproducer_prefix}/@LIBDIR@/libmqproducer.so.@VERSION@"
    IMPORTED_SONAME "libmqproducer.so.@MAJOR@"
    INTERFACE_LINK_LIBRARIES Threads::Threads)
  add_library(mqproducer::static STATIC IMPORTED)
  set_target_properties(mqproducer::static PROPERTIES
    IMPORTED_LOCATION "${mqproducer_prefix}/@LIBDIR@/libmqproducer.a"
    INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS};m")
  get_property(mqproducer_languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  foreach(mqproducer_target shared static)
    set_property(TARGET mqproducer::${mqproducer_target}
      PROPERTY INTERFACE_INCLUDE_DIRECTORIES "${mqproducer_prefix}/include")
    if("CXX" IN_LIST mqproducer_languages)
      set_property(TARGET mqproducer::${mqproducer_target} PROPERTY INTERFACE_COMPILE_FEATURES cxx_std_17)
    endif()
  endforeach()
  add_library(mqproducer::mqproducer INTERFACE IMPORTED)
  if(MQPRODUCER_USE_STATIC)
    set_property(TARGET mqproducer::mqproducer PROPERTY INTERFACE_LINK_LIBRARIES mqproducer::static)
  else()
    set_property(TARGET mqproducer::mqproducer PROPERTY INTERFACE_LINK_LIBRARIES mqproducer::shared)
  endif()
  unset(mqproducer_languages)
  unset(mqproducer_target)
endif()
unset(mqproducer_prefix)
