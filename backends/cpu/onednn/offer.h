// oneDNN's offers for a convolution: first with the operands' layouts, then with its own. Only files of onednn/ include
// this.
#pragma once

#include <dnnl.hpp>
#include <optional>
#include <string>

#include "backends/cpu/onednn/onednn.h"

namespace weft::cpu {

// An offer of oneDNN for one convolution, with the layouts it wants.
struct Offer {
  dnnl::primitive primitive;
  dnnl::memory::desc x, w, y, bias, scratchpad;
  std::string implementation;

  bool is_winograd() const { return implementation.find("wino") != std::string::npos; }
  // 2: generated code; 1: im2col and a matmul; 0: plain loops.
  int quality() const {
    if (implementation.find("ref") != std::string::npos) return 0;
    return implementation.find("gemm") != std::string::npos ? 1 : 2;
  }
};

struct Wanted {
  dnnl::memory::desc x, w, y;
  bool winograd = false;
};

dnnl::memory::desc image_desc(const std::int64_t (&dims)[4], dnnl::memory::format_tag tag);
// The memory layout of the weights.
dnnl::memory::desc given_weight_desc(const Convolution& c);
// The weights' layout in the notation of ir/memory_layout.h; "" if they are padded, grouped, or not in plain blocks.
std::string layout_of(const Convolution& c, const dnnl::memory::desc& desc);

// Empty if oneDNN does not support the request.
std::optional<Offer> ask(const Convolution& c, const Wanted& wanted);
// The first offer of the best quality.
std::optional<Offer> best_offer(const Convolution& c);
// The best offer with these layouts.
std::optional<Offer> offer_in(const Wanted& layouts, const Convolution& c);

}  // namespace weft::cpu
