// The C sources of an artefact's runtime, embedded in the program so that `weft compile` needs no source tree.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::runtime {

// Names and texts, in the order in which they form one translation unit: the tables with `the_artefact` and the
// macro WEFT_NAME follow tables.h. `standalone` adds the sources that run programs without
// oneDNN.
std::vector<std::pair<std::string, std::string_view>> artefact_sources(bool standalone);

// The public header of an artefact, with the placeholders @NAME@, @UPPER@, @CONSTANTS@ and @ENTRIES@.
std::string_view artefact_interface();

}  // namespace weft::runtime
