// The C sources of what stands behind a compiled model, embedded in the program: `weft compile` needs no source tree.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::runtime {

// Name and text, in the order in which they make one translation unit: tables.h first, after which the tables follow
// with `the_artefact` and the macro WEFT_NAME, and then the others. `standalone`: with those that run programs without
// oneDNN.
std::vector<std::pair<std::string, std::string_view>> artefact_sources(bool standalone);

// The public header of an artefact, in which @NAME@, @UPPER@, @CONSTANTS@ and @ENTRIES@ are to be filled in.
std::string_view artefact_interface();

}  // namespace weft::runtime
