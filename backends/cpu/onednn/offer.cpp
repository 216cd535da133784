// What to request from oneDNN, and which of its offers to take.
#include "backends/cpu/onednn/offer.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "backends/cpu/onednn/call.h"
#include "backends/cpu/onednn/version.h"
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

// Whether it has the blocks of the layout and nothing between them. Tags of another rank do not span all numbers.
bool has_blocks(const Desc& desc, const ir::MemoryLayout& layout) {
  const std::optional<Blocking> blocking = blocking_of(desc);
  if (!blocking || blocking->blocks.size() != layout.blocks.size()) return false;
  for (std::size_t i = 0; i < layout.blocks.size(); ++i)
    if (blocking->blocks[i] != std::pair(layout.blocks[i].dim, layout.blocks[i].size)) return false;
  std::int64_t numbers = 1;
  for (const std::int64_t dim : blocking->padded_dims) numbers *= dim;
  return std::int64_t(desc.get_size()) == numbers * std::int64_t(sizeof(float));
}

}  // namespace

Desc given_weight_desc(const Convolution& c) {
  if (*c.weights_layout == '\0') return weight_desc(c, false);
  const auto layout = ir::parse_memory_layout(c.weights_layout);
  check(layout.has_value() && c.groups == 1, "the weights of a convolution have a known layout");
  // oneDNN 3 makes blocked memory only from its tags, so one of them must give the layout.
  for (int tag = dnnl_format_tag_any + 1; tag < dnnl_format_tag_last; ++tag) {
    const Desc desc(weight_dims(c), dnnl::memory::data_type::f32, Tag(tag), true);
    if (desc && has_blocks(desc, *layout) && layout_of(c, desc) == c.weights_layout) return desc;
  }
  throw InternalError(fmt::format("internal error: oneDNN has no tag for weights in the layout {}", c.weights_layout));
}

std::string layout_of(const Convolution& c, const Desc& desc) {
  const std::optional<Blocking> blocking = blocking_of(desc);
  if (c.groups != 1 || !blocking || blocking->padded_dims != weight_dims(c)) return "";
  ir::MemoryLayout layout{{0, 1, 2, 3}, {}};
  for (const auto& [dim, size] : blocking->blocks) layout.blocks.push_back({dim, size});
  // Of dims with equal strides, the larger varies slower: the other has one outer position.
  const dnnl::memory::dims &strides = blocking->strides, &dims = blocking->padded_dims;
  std::stable_sort(layout.order.begin(), layout.order.end(), [&](std::size_t a, std::size_t b) {
    return strides[a] != strides[b] ? strides[a] > strides[b] : dims[a] > dims[b];
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
  const ConvolutionRequest request{wanted.winograd ? algorithm::convolution_winograd : algorithm::convolution_direct,
                                   wanted.x,
                                   wanted.w,
                                   c.bias ? Desc({c.w[0]}, memory::data_type::f32, Tag::a) : Desc(),
                                   wanted.y,
                                   {std::begin(c.stride), std::end(c.stride)},
                                   {c.dilation[0] - 1, c.dilation[1] - 1},
                                   {std::begin(c.padding), std::end(c.padding)},
                                   padding_behind(c),
                                   attributes()};
  switch (c.direction) {
    case WEFT_FORWARD: {
      const auto forward = forward_desc(request);
      return {convolution_forward(forward), forward.src_desc(),        forward.weights_desc(), forward.dst_desc(),
              forward.bias_desc(),          forward.scratchpad_desc(), forward.impl_info_str()};
    }
    case WEFT_BACK_TO_X: {
      const auto data = back_to_x_desc(request);
      return {convolution_backward_data(data), data.diff_src_desc(), data.weights_desc(), data.diff_dst_desc(), Desc(),
              data.scratchpad_desc(),          data.impl_info_str()};
    }
    case WEFT_BACK_TO_W: {
      const auto weights = back_to_w_desc(request);
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
