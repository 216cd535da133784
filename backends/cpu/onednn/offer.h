// What oneDNN offers for a convolution: it is asked for the layouts that the operands have first, then for its own.
// Only files of onednn/ include this.
#pragma once

#include <array>
#include <dnnl.hpp>
#include <optional>
#include <string>

#include "backends/cpu/onednn/onednn.h"

namespace weft::cpu {

// What the library offers for one convolution, with the layouts it wants.
struct Offer {
  dnnl::primitive primitive;
  dnnl::memory::desc x, w, y, bias, scratchpad;
  std::string implementation;

  bool is_winograd() const { return implementation.find("wino") != std::string::npos; }
  // 2: generated code; 1: through columns and a matmul; 0: plain loops.
  int quality() const {
    if (implementation.find("ref") != std::string::npos) return 0;
    return implementation.find("gemm") != std::string::npos ? 1 : 2;
  }
};

struct Wanted {
  dnnl::memory::desc x, w, y;
  bool winograd = false;
};

dnnl::memory::desc image_desc(const std::array<std::int64_t, 4>& dims, dnnl::memory::format_tag tag);
// Weights as they lie in memory.
dnnl::memory::desc given_weight_desc(const Convolution& c);
// The layout of weights in the words of ir/memory_layout.h; "" where they are padded, or grouped, or no plain blocks.
std::string layout_of(const Convolution& c, const dnnl::memory::desc& desc);

// None where the library cannot do it so.
std::optional<Offer> ask(const Convolution& c, const Wanted& wanted);
// The first offer of the best quality.
std::optional<Offer> best_offer(const Convolution& c);
// The best offer with these layouts.
std::optional<Offer> offer_in(const Wanted& layouts, const Convolution& c);

}  // namespace weft::cpu
