// The kinds of text cases that are about kernels.
#pragma once

#include <vector>

#include "tests/cases/case_runner.h"

namespace weft::test {

std::vector<CaseKind> kernel_case_kinds();

}  // namespace weft::test
