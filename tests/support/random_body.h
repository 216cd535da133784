// Random fused bodies, to test both code generators.
#pragma once

#include <random>
#include <string>

#include "ir/graph.h"

namespace weft::test {

// A body over one iteration space of up to three dims: elementwise ops, broadcasts, constants, random numbers, all
// dtypes; with_row adds softmax, logsumexp and normalisations; with_final adds sums and maxima over some axes. Values
// keep moderate magnitudes. It may have no output.
ir::Graph random_body(std::mt19937& random, bool with_row, bool with_final);

// Whether kernel::lower's InternalError reports a broken contract, which random bodies may cause.
bool breaks_contract(const std::string& what);

}  // namespace weft::test
