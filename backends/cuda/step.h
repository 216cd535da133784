// The steps of a program on a device as data: what runs, and over which memory. Made from a graph (recipe.h) or from
// the tables of an artefact (artefact.cpp); items (item.h) are made from them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "backends/cuda/device.h"
#include "backends/cuda/emit.h"
#include "passes/address.h"

namespace weft::cuda {

// A generated kernel: functions of the program's source.
struct KernelWork {
  std::vector<Launch> launches;
  std::size_t scratch_bytes = 0;
};

// Zeros in stretches of the first address.
struct FillWork {
  std::vector<passes::Gap> gaps;
};

using Work = std::variant<KernelWork, Product, Convolution, FillWork>;

using passes::Address;

struct Step {
  Work work;
  std::string name = {};
  std::vector<Address> addresses = {};  // operands, then results
  std::size_t scratch_offset = 0;       // into the arena; at kDeviceAlignment
  std::size_t scratch_bytes = 0;
};

}  // namespace weft::cuda
