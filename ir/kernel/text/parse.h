// Reads the text form of kernels (ir/kernel/text/print.h), and verifies them. Every mistake is one Error:
// "file:line:column: what, and the two facts that disagree".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/kernel/kernel.h"

namespace weft::kernel {

// Whether a file holds kernels rather than graphs: what stands behind its version line and comments.
bool is_kernel_text(std::string_view text);
std::vector<Kernel> parse(std::string_view text, const std::string& file);  // the version line may be left out
Kernel parse_kernel(std::string_view text, const std::string& file);        // of text that holds exactly one

}  // namespace weft::kernel
