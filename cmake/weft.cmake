# Functions and settings that every folder's CMakeLists.txt uses.
include(GNUInstallDirs)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wswitch-enum)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-restrict)  # g++ 12 reports it for `"text" + std::string` (GCC bug 105651)
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_compile_options(-Wno-deprecated-declarations)  # std::stable_sort of libstdc++ 12 uses what it deprecates
endif()
option(WEFT_WERROR "Treat warnings as errors, for developers and CI" OFF)
if(WEFT_WERROR)
  add_compile_options(-Werror)
endif()
if(WEFT_SANITIZE)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-maybe-uninitialized)  # false alarms in instrumented code
  endif()
  add_compile_options(-fsanitize=${WEFT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${WEFT_SANITIZE})
endif()

find_package(fmt REQUIRED)

# Compiles several sources per compiler call, which halves the time of a full build. Off when single files are rebuilt
# often.
option(WEFT_UNITY "Compile the sources of a folder together" ON)

# weft_library(NAME SOURCES a.cpp ... USES weft_ir fmt::fmt ... PRIVATE_USES ...): one target per folder.
function(weft_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;PRIVATE_USES" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES UNITY_BUILD ${WEFT_UNITY} UNITY_BUILD_BATCH_SIZE 8)
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/weft>)  # #include "ir/graph.h", in both
  set_property(GLOBAL APPEND PROPERTY WEFT_LIBRARIES ${name})
  target_link_libraries(${name} PUBLIC ${ARG_USES} PRIVATE ${ARG_PRIVATE_USES})
endfunction()

# weft_public_header(LIBRARY NAME HEADER): users write #include <weft/NAME> for HEADER, from the build tree and installed.
function(weft_public_header library name header)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/include/weft/${name} CONTENT "#include \"${header}\"\n")
  target_include_directories(${library} PUBLIC $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  install(FILES ${PROJECT_BINARY_DIR}/include/weft/${name} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weft)
endfunction()

# weft_test(NAME SOURCES a_test.cpp ... USES ...): a doctest program, build/*/bin/test_NAME, run by ctest as NAME.
function(weft_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  if(NOT TARGET weft_test_main)
    add_library(weft_test_main OBJECT ${PROJECT_SOURCE_DIR}/tests/support/main.cpp)
  endif()
  add_executable(test_${name} ${ARG_SOURCES})
  target_link_libraries(test_${name} PRIVATE weft_test_main ${ARG_USES})
  target_compile_definitions(test_${name} PRIVATE WEFT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND test_${name})
endfunction()
