# Installs the program, the libraries, the headers, and the package for find_package(weft).
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/weft)
get_property(libraries GLOBAL PROPERTY WEFT_LIBRARIES)
install(TARGETS weft RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS ${libraries} EXPORT weft-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT weft-targets NAMESPACE weft:: DESTINATION ${package_folder})
# find_package(weft) also accepts the build folder.
export(EXPORT weft-targets NAMESPACE weft:: FILE ${PROJECT_BINARY_DIR}/weft-targets.cmake)

# The public headers: <weft/weft.h>, <weft/main.h>, and the headers that they include. They keep their folders under
# include/weft, so that headers include each other by the same paths. A test checks that the list is exact.
set(public_headers
  frontend/activations.h frontend/affine.h frontend/augment.h frontend/entry.h frontend/init.h frontend/layers.h
  frontend/losses.h frontend/model.h frontend/ops.h frontend/tensor.h frontend/weft.h
  ir/attrs.def ir/error.h ir/graph.h ir/op.h ir/ops.def ir/type.h
  tools/main.h)
foreach(header ${public_headers})
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weft/${folder})
endforeach()

configure_package_config_file(cmake/weft-config.cmake.in ${PROJECT_BINARY_DIR}/weft-config.cmake
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/weft-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/weft-config.cmake ${PROJECT_BINARY_DIR}/weft-config-version.cmake
  DESTINATION ${package_folder})

# `cpack -G DEB` in the build folder writes one package with the program and everything that programs with weft::main
# need.
set(CPACK_PACKAGE_NAME weft)
set(CPACK_PACKAGE_VENDOR "The Weft authors")
set(CPACK_PACKAGE_CONTACT "The Weft authors <weft@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "g++, cmake, libfmt-dev, nlohmann-json3-dev, libcli11-dev, libpng-dev, zlib1g-dev")
if(WEFT_WITH_CPU)
  string(APPEND CPACK_DEBIAN_PACKAGE_RECOMMENDS ", llvm-19-dev, libdnnl-dev")
endif()
set(CPACK_STRIP_FILES ON)
include(CPack)
