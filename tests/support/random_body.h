// Random fused bodies: what both code generators are tested on.
#pragma once

#include <random>
#include <string>

#include "ir/graph.h"

namespace weft::test {

// A body over one iteration space of up to three dims: elementwise ops, broadcasts, constants, random numbers, all
// dtypes; `with_row`: softmax, logsumexp and normalisations; `with_final`: sums and maxima over some axes. Values stay
// of moderate size. It may have no output.
ir::Graph random_body(std::mt19937& random, bool with_row, bool with_final);

// Whether kernel::lower's InternalError says that a body breaks its contract, as a random one may.
bool breaks_contract(const std::string& what);

}  // namespace weft::test
