// oneDNN 2 describes an operation first, then a primitive; oneDNN 3 only a primitive, and its descriptors of memory
// answer questions in place of showing their fields.
#include "backends/cpu/onednn/version.h"

#include "backends/cpu/onednn/call.h"

namespace weft::cpu {

namespace {

using Desc = dnnl::memory::desc;

}  // namespace

using dnnl::convolution_backward_data;
using dnnl::convolution_backward_weights;
using dnnl::convolution_forward;

#if DNNL_VERSION_MAJOR >= 3

dnnl::memory::dims dims_of(const Desc& desc) { return desc.get_dims(); }

std::optional<Blocking> blocking_of(const Desc& desc) {
  if (desc.get_format_kind() != dnnl::memory::format_kind::blocked) return {};
  Blocking blocking{desc.get_padded_dims(), desc.get_strides(), {}};
  const dnnl::memory::dims sizes = desc.get_inner_blks(), dims = desc.get_inner_idxs();
  for (std::size_t i = 0; i < sizes.size(); ++i) blocking.blocks.emplace_back(std::size_t(dims[i]), sizes[i]);
  return blocking;
}

dnnl::matmul::primitive_desc matmul_desc(const Desc& a, const Desc& b, const Desc& bias, const Desc& result,
                                         const dnnl::primitive_attr& attributes) {
  return {engine(), a, b, bias, result, attributes};
}

convolution_forward::primitive_desc forward_desc(const ConvolutionRequest& r) {
  return {engine(),
          dnnl::prop_kind::forward_training,
          r.algorithm,
          r.x,
          r.w,
          r.bias,
          r.y,
          r.stride,
          r.dilation,
          r.padding_before,
          r.padding_behind,
          r.attributes};
}

convolution_backward_data::primitive_desc back_to_x_desc(const ConvolutionRequest& r) {
  return {engine(),         r.algorithm,     r.x,         r.w, r.y, r.stride, r.dilation, r.padding_before,
          r.padding_behind, forward_desc(r), r.attributes};
}

convolution_backward_weights::primitive_desc back_to_w_desc(const ConvolutionRequest& r) {
  return {engine(),         r.algorithm,     r.x,         r.w, r.y, r.stride, r.dilation, r.padding_before,
          r.padding_behind, forward_desc(r), r.attributes};
}

#else

dnnl::memory::dims dims_of(const Desc& desc) { return desc.dims(); }

std::optional<Blocking> blocking_of(const Desc& desc) {
  const dnnl_memory_desc_t& data = desc.data;
  if (data.format_kind != dnnl_blocked || data.extra.flags != dnnl_memory_extra_flag_none) return {};
  const dnnl_blocking_desc_t& fields = data.format_desc.blocking;
  Blocking blocking{
      {data.padded_dims, data.padded_dims + data.ndims}, {fields.strides, fields.strides + data.ndims}, {}};
  for (int i = 0; i < fields.inner_nblks; ++i)
    blocking.blocks.emplace_back(std::size_t(fields.inner_idxs[i]), fields.inner_blks[i]);
  return blocking;
}

dnnl::matmul::primitive_desc matmul_desc(const Desc& a, const Desc& b, const Desc& bias, const Desc& result,
                                         const dnnl::primitive_attr& attributes) {
  return {{a, b, bias, result}, attributes, engine()};
}

convolution_forward::primitive_desc forward_desc(const ConvolutionRequest& r) {
  return {{dnnl::prop_kind::forward_training, r.algorithm, r.x, r.w, r.bias, r.y, r.stride, r.dilation,
           r.padding_before, r.padding_behind},
          r.attributes,
          engine()};
}

convolution_backward_data::primitive_desc back_to_x_desc(const ConvolutionRequest& r) {
  return {{r.algorithm, r.x, r.w, r.y, r.stride, r.dilation, r.padding_before, r.padding_behind},
          r.attributes,
          engine(),
          forward_desc(r)};
}

convolution_backward_weights::primitive_desc back_to_w_desc(const ConvolutionRequest& r) {
  return {{r.algorithm, r.x, r.w, r.y, r.stride, r.dilation, r.padding_before, r.padding_behind},
          r.attributes,
          engine(),
          forward_desc(r)};
}

#endif

}  // namespace weft::cpu
