# What `cmake --install` lays down: the program, the libraries, the headers, and the package that find_package(weft) reads.
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/weft)
get_property(libraries GLOBAL PROPERTY WEFT_LIBRARIES)
install(TARGETS weft RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS ${libraries} EXPORT weft-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT weft-targets NAMESPACE weft:: DESTINATION ${package_folder})

# Under include/weft as in the repository, so that headers find each other the same way.
install(DIRECTORY ir frontend passes runtime training DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weft
  FILES_MATCHING PATTERN "*.h" PATTERN "*.def")
install(FILES backends/compile.h backends/report.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weft/backends)
install(FILES tools/main.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weft/tools)

configure_package_config_file(cmake/weft-config.cmake.in ${PROJECT_BINARY_DIR}/weft-config.cmake
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/weft-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/weft-config.cmake ${PROJECT_BINARY_DIR}/weft-config-version.cmake
  DESTINATION ${package_folder})
