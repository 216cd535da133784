// Prints the notes of passes.
#pragma once

#include <vector>

#include "passes/pass.h"

namespace weft::tools {

// One line each on stderr: "stabilise: model.cpp:41 (loss): log(sigmoid(x)) became ...".
void print_notes(const std::vector<passes::Note>& notes);

}  // namespace weft::tools
