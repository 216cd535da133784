// Attributes that many tests use.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "ir/op.h"

namespace weft::test {

inline ir::Attrs axes(std::vector<std::int64_t> list) { return ir::Attrs().set(ir::Attr::axes, std::move(list)); }

}  // namespace weft::test
