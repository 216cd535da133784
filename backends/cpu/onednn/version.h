// What differs between the interfaces of oneDNN 2 and 3, which are chosen at build time. Only files of onednn/ include
// this.
#pragma once

#include <dnnl.hpp>
#include <optional>
#include <vector>

namespace weft::cpu {

dnnl::memory::dims dims_of(const dnnl::memory::desc& desc);

// How a memory descriptor places its numbers: blocks inside outer dims with strides.
struct Blocking {
  dnnl::memory::dims padded_dims, strides;                   // by dim
  std::vector<std::pair<std::size_t, std::int64_t>> blocks;  // dim and size, the last fastest
};

// Empty for memory without plain blocks, such as Winograd's weights.
std::optional<Blocking> blocking_of(const dnnl::memory::desc& desc);

// `bias` may be empty.
dnnl::matmul::primitive_desc matmul_desc(const dnnl::memory::desc& a, const dnnl::memory::desc& b,
                                         const dnnl::memory::desc& bias, const dnnl::memory::desc& result,
                                         const dnnl::primitive_attr& attributes);

struct ConvolutionRequest {
  dnnl::algorithm algorithm;
  dnnl::memory::desc x, w, bias, y;  // `bias` may be empty
  dnnl::memory::dims stride, dilation, padding_before, padding_behind;
  dnnl::primitive_attr attributes;
};
dnnl::convolution_forward::primitive_desc forward_desc(const ConvolutionRequest& request);
dnnl::convolution_backward_data::primitive_desc back_to_x_desc(const ConvolutionRequest& request);
dnnl::convolution_backward_weights::primitive_desc back_to_w_desc(const ConvolutionRequest& request);

}  // namespace weft::cpu
