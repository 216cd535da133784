// What to request from oneDNN, and which of its offers to take.
#include "backends/cpu/onednn/offer.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "backends/cpu/onednn/call.h"
#include "ir/error.h"
#include "ir/memory_layout.h"

namespace weft::cpu {

namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;

}  // namespace

Desc image_desc(const std::int64_t (&dims)[4], Tag tag) {
  return {{std::begin(dims), std::end(dims)}, dnnl::memory::data_type::f32, tag};
}

namespace {

// With groups, oneDNN takes the weights as [groups, O/groups, C/groups, kH, kW], which is the same memory.
dnnl::memory::dims weight_dims(const Convolution& c) {
  if (c.groups == 1) return {std::begin(c.w), std::end(c.w)};
  return {c.groups, c.w[0] / c.groups, c.w[1], c.w[2], c.w[3]};
}

Desc weight_desc(const Convolution& c, bool any) {
  const Tag plain = c.groups == 1 ? Tag::oihw : Tag::goihw;
  return {weight_dims(c), dnnl::memory::data_type::f32, any ? Tag::any : plain};
}

}  // namespace

Desc given_weight_desc(const Convolution& c) {
  Desc desc = weight_desc(c, false);
  if (*c.weights_layout == '\0') return desc;
  const auto layout = ir::parse_memory_layout(c.weights_layout);
  check(layout.has_value() && c.groups == 1, "the weights of a convolution have a known layout");
  dnnl_blocking_desc_t& blocking = desc.data.format_desc.blocking;
  std::int64_t stride = 1;
  std::array<std::int64_t, 4> outer = std::to_array(c.w);
  blocking.inner_nblks = int(layout->blocks.size());
  for (std::size_t i = 0; i < layout->blocks.size(); ++i) {
    blocking.inner_blks[i] = layout->blocks[i].size;
    blocking.inner_idxs[i] = dnnl_dim_t(layout->blocks[i].dim);
    outer[layout->blocks[i].dim] /= layout->blocks[i].size;
    stride *= layout->blocks[i].size;
  }
  for (std::size_t i = layout->order.size(); i-- > 0;) {
    blocking.strides[layout->order[i]] = stride;
    stride *= outer[layout->order[i]];
  }
  return desc;
}

std::string layout_of(const Convolution& c, const Desc& desc) {
  const dnnl_memory_desc_t& data = desc.data;
  if (c.groups != 1 || data.format_kind != dnnl_blocked || data.extra.flags != dnnl_memory_extra_flag_none) return "";
  for (int i = 0; i < data.ndims; ++i)
    if (data.padded_dims[i] != data.dims[i]) return "";
  const dnnl_blocking_desc_t& blocking = data.format_desc.blocking;
  ir::MemoryLayout layout{{0, 1, 2, 3}, {}};
  for (int i = 0; i < blocking.inner_nblks; ++i)
    layout.blocks.push_back({std::size_t(blocking.inner_idxs[i]), blocking.inner_blks[i]});
  // Of dims with equal strides, the larger varies slower: the other has one outer position.
  std::stable_sort(layout.order.begin(), layout.order.end(), [&](std::size_t a, std::size_t b) {
    return blocking.strides[a] != blocking.strides[b] ? blocking.strides[a] > blocking.strides[b]
                                                      : data.dims[a] > data.dims[b];
  });
  return ir::to_string(layout);
}

namespace {

// The trailing padding for which the forward convolution covers all of y.
dnnl::memory::dims padding_behind(const Convolution& c) {
  dnnl::memory::dims behind;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t reach = c.dilation[i] * (c.w[2 + i] - 1) + 1;
    behind.push_back((c.y[2 + i] - 1) * c.stride[i] + reach - c.x[2 + i] - c.padding[i]);
  }
  return behind;
}

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

Offer ask_or_throw(const Convolution& c, const Wanted& wanted) {
  using namespace dnnl;
  const auto algorithm = wanted.winograd ? algorithm::convolution_winograd : algorithm::convolution_direct;
  const memory::dims stride(std::begin(c.stride), std::end(c.stride)),
      before(std::begin(c.padding), std::end(c.padding)), behind = padding_behind(c),
                                                          dilation{c.dilation[0] - 1, c.dilation[1] - 1};
  const Desc bias = c.bias ? Desc({c.w[0]}, memory::data_type::f32, Tag::a) : Desc();
  const convolution_forward::primitive_desc forward(
      {prop_kind::forward_training, algorithm, wanted.x, wanted.w, bias, wanted.y, stride, dilation, before, behind},
      attributes(), engine());
  switch (c.direction) {
    case WEFT_FORWARD:
      return {convolution_forward(forward), forward.src_desc(),        forward.weights_desc(), forward.dst_desc(),
              forward.bias_desc(),          forward.scratchpad_desc(), forward.impl_info_str()};
    case WEFT_BACK_TO_X: {
      const convolution_backward_data::primitive_desc data(
          {algorithm, wanted.x, wanted.w, wanted.y, stride, dilation, before, behind}, attributes(), engine(), forward);
      return {convolution_backward_data(data), data.diff_src_desc(), data.weights_desc(), data.diff_dst_desc(), Desc(),
              data.scratchpad_desc(),          data.impl_info_str()};
    }
    case WEFT_BACK_TO_W: {
      const convolution_backward_weights::primitive_desc weights(
          {algorithm, wanted.x, wanted.w, wanted.y, stride, dilation, before, behind}, attributes(), engine(), forward);
      return {convolution_backward_weights(weights),
              weights.src_desc(),
              weights.diff_weights_desc(),
              weights.diff_dst_desc(),
              Desc(),
              weights.scratchpad_desc(),
              weights.impl_info_str()};
    }
  }
  throw InternalError("make_convolution: no such direction");
}

}  // namespace

std::optional<Offer> ask(const Convolution& c, const Wanted& wanted) {
  try {
    return ask_or_throw(c, wanted);
  } catch (const dnnl::error&) {
    return {};
  }
}

namespace {

// Whether Winograd convolution is faster, including its reorders (see bench/study/convolution.cpp).
bool prefers_winograd(const Convolution& c) {
  const auto all = [](const std::int64_t(&pair)[2], std::int64_t value) {
    return pair[0] == value && pair[1] == value;
  };
  return c.winograd && c.groups == 1 && c.w[2] == 3 && c.w[3] == 3 && all(c.stride, 1) && all(c.dilation, 1) &&
         all(c.padding, 1) && c.w[0] >= 32 && c.w[1] >= 32 && c.w[0] % 16 == 0 && c.w[1] % 16 == 0;
}

// Whether to reorder images to oneDNN's blocked channels: without AVX-512 its kernels run 1.2 to 1.7 times as fast on
// those as on channels last, which must pay for a reorder of each image in both directions
// (bench/study/convolution.cpp).
bool prefers_blocks(const Convolution& c) {
  constexpr std::int64_t block = 8, least_channels = 32;
  const bool wide = dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core;
  const auto fills_blocks = [](std::int64_t channels) { return channels % block == 0 && channels >= least_channels; };
  return !wide && c.channels_last && c.groups == 1 && c.w[2] * c.w[3] > 1 && fills_blocks(c.w[0]) &&
         fills_blocks(c.w[1]);
}

// The requests, best first. With channels last, oneDNN's layout of weights is several times faster than a plain one; in
// planes only its matmuls apply, unless everything is reordered.
std::vector<Wanted> wishes(const Convolution& c) {
  const Tag given = c.channels_last ? Tag::nhwc : Tag::nchw;
  const auto wish = [&](Tag images, const Desc& weights, bool winograd = false) {
    return Wanted{image_desc(c.x, images), weights, image_desc(c.y, images), winograd};
  };
  std::vector<Wanted> all;
  if (prefers_winograd(c)) all.push_back(wish(Tag::any, weight_desc(c, true), true));
  if (prefers_blocks(c)) all.push_back(wish(Tag::any, weight_desc(c, true)));
  if (c.channels_last && *c.weights_layout != '\0') all.push_back(wish(given, given_weight_desc(c)));
  if (c.channels_last) all.push_back(wish(given, weight_desc(c, true)));
  all.push_back(wish(Tag::any, weight_desc(c, true)));
  all.push_back(wish(Tag::nchw, weight_desc(c, false)));
  return all;
}

}  // namespace

std::optional<Offer> best_offer(const Convolution& c) {
  std::optional<Offer> best;
  for (const Wanted& wanted : wishes(c)) {
    std::optional<Offer> offer = ask(c, wanted);
    if (!offer) continue;
    if (!best || offer->quality() > best->quality()) best = std::move(offer);
    if (best->quality() == 2) break;
  }
  return best;
}

std::optional<Offer> offer_in(const Wanted& layouts, const Convolution& c) {
  std::optional<Offer> best = ask(c, layouts);
  if (best && best->quality() > 0) return best;
  // For dims of size 1, strides are ambiguous: oneDNN may take nchw for nhwc and find no implementation for the pair.
  // Given the choice, it produces the same layouts and recognises them.
  for (const Wanted& wanted : wishes(c)) {
    std::optional<Offer> offer = ask(c, wanted);
    const bool same = offer && offer->x == layouts.x && offer->w == layouts.w && offer->y == layouts.y;
    if (same && (!best || offer->quality() > best->quality())) best = std::move(offer);
  }
  return best;
}

}  // namespace weft::cpu
