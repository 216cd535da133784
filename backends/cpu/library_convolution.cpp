// Convolutions by oneDNN. It is asked with the layouts that the operands have; where it is slow with those, they are
// reordered in scratch. Its `ref` implementations are never taken: columns (convolution_columns.h) are the last resort.
#include <algorithm>
#include <bit>
#include <optional>

#include "backends/cpu/convolution_columns.h"
#include "backends/cpu/library.h"
#include "backends/cpu/library_call.h"
#include "backends/cpu/memory.h"
#include "backends/cpu/parallel.h"
#include "ir/error.h"
#include "ir/memory_layout.h"

namespace weft::cpu {

namespace {

using Direction = Convolution::Direction;
using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;

// --- Descriptions of memory ----------------------------------------------------------------------------------------

Desc image_desc(const std::array<std::int64_t, 4>& dims, Tag tag) {
  return {{dims.begin(), dims.end()}, dnnl::memory::data_type::f32, tag};
}

// With groups the library takes the weights as [groups, O/groups, C/groups, kH, kW], which is the same memory.
dnnl::memory::dims weight_dims(const Convolution& c) {
  if (c.groups == 1) return {c.w.begin(), c.w.end()};
  return {c.groups, c.w[0] / c.groups, c.w[1], c.w[2], c.w[3]};
}

Desc weight_desc(const Convolution& c, bool any) {
  const Tag plain = c.groups == 1 ? Tag::oihw : Tag::goihw;
  return {weight_dims(c), dnnl::memory::data_type::f32, any ? Tag::any : plain};
}

// Weights as they lie in memory.
Desc given_weight_desc(const Convolution& c) {
  Desc desc = weight_desc(c, false);
  if (c.weights_layout.empty()) return desc;
  const auto layout = ir::parse_memory_layout(c.weights_layout);
  check(layout.has_value() && c.groups == 1, "a convolution's weights have a layout that it knows");
  dnnl_blocking_desc_t& blocking = desc.data.format_desc.blocking;
  std::int64_t stride = 1;
  std::array<std::int64_t, 4> outer = c.w;
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

// The layout of weights in the words of ir/memory_layout.h; "" where they are padded, or grouped, or no plain blocks.
std::string layout_of(const Convolution& c, const Desc& desc) {
  const dnnl_memory_desc_t& data = desc.data;
  if (c.groups != 1 || data.format_kind != dnnl_blocked || data.extra.flags != dnnl_memory_extra_flag_none) return "";
  for (int i = 0; i < data.ndims; ++i)
    if (data.padded_dims[i] != data.dims[i]) return "";
  const dnnl_blocking_desc_t& blocking = data.format_desc.blocking;
  ir::MemoryLayout layout{{0, 1, 2, 3}, {}};
  for (int i = 0; i < blocking.inner_nblks; ++i)
    layout.blocks.push_back({std::size_t(blocking.inner_idxs[i]), blocking.inner_blks[i]});
  // Of dims with equal strides the larger varies slower: the other has one outer place.
  std::stable_sort(layout.order.begin(), layout.order.end(), [&](std::size_t a, std::size_t b) {
    return blocking.strides[a] != blocking.strides[b] ? blocking.strides[a] > blocking.strides[b]
                                                      : data.dims[a] > data.dims[b];
  });
  return ir::to_string(layout);
}

// --- Asking the library --------------------------------------------------------------------------------------------

// What the library offers for one convolution, with the layouts it wants.
struct Offer {
  dnnl::primitive primitive;
  Desc x, w, y, bias, scratchpad;
  std::string implementation;

  bool is_winograd() const { return implementation.find("wino") != std::string::npos; }
  // 2: generated code; 1: through columns and a matrix product; 0: plain loops.
  int quality() const {
    if (implementation.find("ref") != std::string::npos) return 0;
    return implementation.find("gemm") != std::string::npos ? 1 : 2;
  }
};

struct Wanted {
  Desc x, w, y;
  bool winograd = false;
};

// The padding behind, such that the forward convolution reads as far as y is large.
dnnl::memory::dims padding_behind(const Convolution& c) {
  dnnl::memory::dims behind;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t reach = c.dilation[i] * (c.w[2 + i] - 1) + 1;
    behind.push_back((c.y[2 + i] - 1) * c.stride[i] + reach - c.x[2 + i] - c.padding[i]);
  }
  return behind;
}

dnnl::primitive_attr attributes_of(const Convolution& c) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (!c.activation.empty()) {
    check(c.activation == "relu", "make_convolution: no such activation");
    dnnl::post_ops post_ops;
    post_ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    attributes.set_post_ops(post_ops);
  }
  return attributes;
}

Offer ask_or_throw(const Convolution& c, const Wanted& wanted) {
  using namespace dnnl;
  const auto algorithm = wanted.winograd ? algorithm::convolution_winograd : algorithm::convolution_direct;
  const memory::dims stride(c.stride.begin(), c.stride.end()), before(c.padding.begin(), c.padding.end()),
      behind = padding_behind(c), dilation{c.dilation[0] - 1, c.dilation[1] - 1};
  const Desc bias = c.bias ? Desc({c.w[0]}, memory::data_type::f32, Tag::a) : Desc();
  const convolution_forward::primitive_desc forward(
      {prop_kind::forward_training, algorithm, wanted.x, wanted.w, bias, wanted.y, stride, dilation, before, behind},
      attributes_of(c), engine());
  switch (c.direction) {
    case Direction::forward:
      return {convolution_forward(forward), forward.src_desc(),        forward.weights_desc(), forward.dst_desc(),
              forward.bias_desc(),          forward.scratchpad_desc(), forward.impl_info_str()};
    case Direction::data: {
      const convolution_backward_data::primitive_desc data(
          {algorithm, wanted.x, wanted.w, wanted.y, stride, dilation, before, behind}, attributes_of(c), engine(),
          forward);
      return {convolution_backward_data(data), data.diff_src_desc(), data.weights_desc(), data.diff_dst_desc(), Desc(),
              data.scratchpad_desc(),          data.impl_info_str()};
    }
    case Direction::weights: {
      const convolution_backward_weights::primitive_desc weights(
          {algorithm, wanted.x, wanted.w, wanted.y, stride, dilation, before, behind}, attributes_of(c), engine(),
          forward);
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

std::optional<Offer> ask(const Convolution& c, const Wanted& wanted) {
  try {
    return ask_or_throw(c, wanted);
  } catch (const dnnl::error&) {
    return {};
  }
}

// Whether Winograd's way to multiply is faster, the reorders around it counted (see bench/study/convolution.cpp).
bool prefers_winograd(const Convolution& c) {
  const auto all = [](const std::array<std::int64_t, 2>& pair, std::int64_t value) {
    return pair[0] == value && pair[1] == value;
  };
  return c.winograd && c.groups == 1 && c.w[2] == 3 && c.w[3] == 3 && all(c.stride, 1) && all(c.dilation, 1) &&
         all(c.padding, 1) && c.w[0] >= 32 && c.w[1] >= 32 && c.w[0] % 16 == 0 && c.w[1] % 16 == 0;
}

// What to ask for, the best first. Channels last the library's own layout of weights is several times faster than a
// plain one; in planes it has only its matrix products, unless everything is reordered.
std::vector<Wanted> wishes(const Convolution& c) {
  const Tag given = c.channels_last ? Tag::nhwc : Tag::nchw;
  const auto wish = [&](Tag images, const Desc& weights, bool winograd = false) {
    return Wanted{image_desc(c.x, images), weights, image_desc(c.y, images), winograd};
  };
  std::vector<Wanted> all;
  if (prefers_winograd(c)) all.push_back(wish(Tag::any, weight_desc(c, true), true));
  if (c.channels_last && !c.weights_layout.empty()) all.push_back(wish(given, given_weight_desc(c)));
  if (c.channels_last) all.push_back(wish(given, weight_desc(c, true)));
  all.push_back(wish(Tag::any, weight_desc(c, true)));
  all.push_back(wish(Tag::nchw, weight_desc(c, false)));
  return all;
}

// The first offer of the best quality, but none of quality 0.
std::optional<Offer> best_offer(const Convolution& c) {
  std::optional<Offer> best;
  for (const Wanted& wanted : wishes(c)) {
    std::optional<Offer> offer = ask(c, wanted);
    if (!offer || offer->quality() == 0) continue;
    if (!best || offer->quality() > best->quality()) best = std::move(offer);
    if (best->quality() == 2) break;
  }
  return best;
}

// --- Running -------------------------------------------------------------------------------------------------------

// One operand: its memory as the program has it, and as the primitive wants it.
class Port {
 public:
  Port(const Desc& given, const Desc& wanted, bool is_result) : wanted_(wanted) {
    if (given == wanted) return;
    const Desc &from = is_result ? wanted : given, &to = is_result ? given : wanted;
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::reorder::primitive_desc desc(engine(), from, engine(), to, attributes);
    check(desc.scratchpad_desc().get_size() == 0, "a reorder needs no scratch");
    reorder_.emplace(dnnl::reorder(desc));
    reorder_->add(DNNL_ARG_FROM, from);
    reorder_->add(DNNL_ARG_TO, to);
    is_result_ = is_result;
  }

  std::size_t scratch_bytes() const { return reorder_ ? aligned(wanted_.get_size()) : 0; }
  void bind(void* given, std::byte* scratch) {
    memory_ = reorder_ ? scratch : static_cast<std::byte*>(given);
    if (!reorder_) return;
    reorder_->set(is_result_ ? 1 : 0, given);
    reorder_->set(is_result_ ? 0 : 1, memory_);
  }
  void run() {
    if (reorder_) reorder_->run();
  }

  bool is_reordered() const { return reorder_.has_value(); }
  std::byte* memory() const { return memory_; }  // what the primitive reads or writes
  const Desc& desc() const { return wanted_; }
  // Bytes from one image to the next.
  std::int64_t image_stride() const {
    return wanted_.data.format_desc.blocking.strides[0] * std::int64_t(sizeof(float));
  }

 private:
  Desc wanted_;
  std::optional<Call> reorder_;
  bool is_result_ = false;
  std::byte* memory_ = nullptr;
};

std::string describe(const std::string& implementation, const std::vector<const Port*>& ports) {
  const auto reordered =
      std::count_if(ports.begin(), ports.end(), [](const Port* port) { return port->is_reordered(); });
  return reordered == 0 ? implementation : fmt::format("{}, {} reordered", implementation, reordered);
}

Desc given_image(const Convolution& c, const std::array<std::int64_t, 4>& dims) {
  return image_desc(dims, c.channels_last ? Tag::nhwc : Tag::nchw);
}

// The same convolution of fewer images, with the layouts of an offer for all.
Offer ask_for_part(const Convolution& c, const Offer& whole, std::int64_t images) {
  Convolution part = c;
  part.x[0] = part.y[0] = images;
  const auto of_images = [&](const Desc& of_whole) {
    Desc desc = of_whole;
    desc.data.dims[0] = desc.data.padded_dims[0] = images;
    return desc;
  };
  std::optional<Offer> offer = ask(part, {of_images(whole.x), whole.w, of_images(whole.y), whole.is_winograd()});
  check(offer.has_value() && offer->quality() > 0, "a part of a minibatch is a convolution like the whole");
  return std::move(*offer);
}

// A primitive for some of the images.
struct Part {
  std::int64_t first_image = 0;
  Call call;
  std::size_t scratchpad_bytes = 0;
};

// Forward, and the gradient of the data: one primitive on all threads, each part of its result made by one of them.
// Not so for products by columns, whose bits would depend on the threads: those go by parts of the minibatch, each on
// one thread.
class WholeConvolution final : public Primitive {
 public:
  WholeConvolution(const Convolution& c, const Offer& offer)
      : forward_(c.direction == Direction::forward),
        bias_(c.bias),
        from_(given_image(c, forward_ ? c.x : c.y), forward_ ? offer.x : offer.y, false),
        weights_(given_weight_desc(c), offer.w, false),
        to_(given_image(c, forward_ ? c.y : c.x), forward_ ? offer.y : offer.x, true),
        threads_(omp_get_max_threads()),
        implementation_(describe(offer.implementation, {&from_, &weights_, &to_})) {
    if (offer.quality() == 2) {
      add_part(offer, 0);
    } else {
      constexpr std::int64_t most = 16;
      const OneThread one_thread;
      const std::int64_t parts = std::min(most, c.x[0]);
      for (std::int64_t i = 0; i < parts; ++i) {
        const std::int64_t first = c.x[0] * i / parts, last = c.x[0] * (i + 1) / parts;
        add_part(ask_for_part(c, offer, last - first), first);
      }
    }
  }

  void bind(void* const* operands, void* scratch) override {
    auto* next = static_cast<std::byte*>(scratch);
    const auto take = [&](std::size_t bytes) { return std::exchange(next, next + bytes); };
    from_.bind(operands[0], take(from_.scratch_bytes()));
    weights_.bind(operands[1], take(weights_.scratch_bytes()));
    to_.bind(operands[bias_ ? 3 : 2], take(to_.scratch_bytes()));
    for (Part& part : parts_) {
      part.call.set(0, from_.memory() + part.first_image * from_.image_stride());
      part.call.set(1, weights_.memory());
      part.call.set(2, to_.memory() + part.first_image * to_.image_stride());
      part.call.set(3, take(part.scratchpad_bytes));
      if (bias_) part.call.set(4, operands[2]);
    }
  }

  void run() override {
    from_.run();
    weights_.run();
    if (parts_.size() == 1)
      parts_.front().call.run();
    else
      parallel_chunks(std::int64_t(parts_.size()), threads_, [this](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) parts_[std::size_t(i)].call.run();
      });
    to_.run();
  }

  std::size_t scratch_bytes() const override {
    std::size_t bytes = from_.scratch_bytes() + weights_.scratch_bytes() + to_.scratch_bytes();
    for (const Part& part : parts_) bytes += part.scratchpad_bytes;
    return bytes;
  }
  std::string implementation() const override { return implementation_; }

 private:
  void add_part(const Offer& offer, std::int64_t first_image) {
    Call call(offer.primitive);
    call.add(forward_ ? DNNL_ARG_SRC : DNNL_ARG_DIFF_DST, forward_ ? offer.x : offer.y);
    call.add(DNNL_ARG_WEIGHTS, offer.w);
    call.add(forward_ ? DNNL_ARG_DST : DNNL_ARG_DIFF_SRC, forward_ ? offer.y : offer.x);
    call.add(DNNL_ARG_SCRATCHPAD, offer.scratchpad);
    if (bias_) call.add(DNNL_ARG_BIAS, offer.bias);
    parts_.push_back({first_image, std::move(call), aligned(offer.scratchpad.get_size())});
  }

  bool forward_, bias_;
  Port from_, weights_, to_;
  std::vector<Part> parts_;
  int threads_;
  std::string implementation_;
};

// How many parts of the minibatch make a weight gradient each, to be added in order: a function of the shape alone, so
// that bits do not depend on the threads. More would keep more threads busy, but each costs a gradient's memory, and
// under Winograd a transformation of it. A power of two, for an even share to each of two or four threads.
std::int64_t parts_of(const Convolution& c, bool winograd) {
  constexpr std::int64_t most = 8, images_a_part = 4;
  const std::int64_t floats = std::int64_t{1} << (winograd ? 17 : 19);
  const std::int64_t size = c.w[0] * c.w[1] * c.w[2] * c.w[3];
  const auto bound = std::min({most, c.x[0] / images_a_part, std::max<std::int64_t>(2, floats / size)});
  return std::int64_t(std::bit_floor(std::uint64_t(std::max<std::int64_t>(1, bound))));
}

// The gradient of the weights: parts of the minibatch, each by a primitive of one thread, added in order.
class WeightGradient final : public Primitive {
 public:
  WeightGradient(const Convolution& c, const Offer& whole)
      : x_(given_image(c, c.x), whole.x, false),
        y_(given_image(c, c.y), whole.y, false),
        weights_(given_weight_desc(c), whole.w, true),
        threads_(omp_get_max_threads()),
        weights_bytes_(aligned(whole.w.get_size())) {
    const OneThread one_thread;
    const std::int64_t parts = parts_of(c, whole.is_winograd());
    for (std::int64_t i = 0; i < parts; ++i) {
      const std::int64_t first = c.x[0] * i / parts, last = c.x[0] * (i + 1) / parts;
      add_part(ask_for_part(c, whole, last - first), first);
    }
    implementation_ = describe(whole.implementation, {&x_, &y_, &weights_});
    if (parts > 1) implementation_ += fmt::format(", {} parts", parts);
  }

  void bind(void* const* operands, void* scratch) override {
    auto* next = static_cast<std::byte*>(scratch);
    const auto take = [&](std::size_t bytes) { return std::exchange(next, next + bytes); };
    x_.bind(operands[0], take(x_.scratch_bytes()));
    y_.bind(operands[1], take(y_.scratch_bytes()));
    weights_.bind(operands[2], take(weights_.scratch_bytes()));
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      Part& part = parts_[i];
      sums_[i] = reinterpret_cast<float*>(i == 0 ? weights_.memory() : take(weights_bytes_));
      part.call.set(0, x_.memory() + part.first_image * x_.image_stride());
      part.call.set(1, y_.memory() + part.first_image * y_.image_stride());
      part.call.set(2, sums_[i]);
      part.call.set(3, take(part.scratchpad_bytes));
    }
  }

  void run() override {
    x_.run();
    y_.run();
    parallel_chunks(std::int64_t(parts_.size()), threads_, [this](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) parts_[std::size_t(i)].call.run();
    });
    if (parts_.size() > 1) add_parts();
    weights_.run();
  }

  std::size_t scratch_bytes() const override {
    std::size_t bytes = x_.scratch_bytes() + y_.scratch_bytes() + weights_.scratch_bytes();
    for (const Part& part : parts_) bytes += part.scratchpad_bytes;
    return bytes + (parts_.size() - 1) * weights_bytes_;
  }
  std::string implementation() const override { return implementation_; }

 private:
  void add_part(const Offer& offer, std::int64_t first_image) {
    Call call(offer.primitive);
    call.add(DNNL_ARG_SRC, offer.x);
    call.add(DNNL_ARG_DIFF_DST, offer.y);
    call.add(DNNL_ARG_DIFF_WEIGHTS, offer.w);
    call.add(DNNL_ARG_SCRATCHPAD, offer.scratchpad);
    parts_.push_back({first_image, std::move(call), aligned(offer.scratchpad.get_size())});
    sums_.push_back(nullptr);
  }

  void add_parts() {
    constexpr std::int64_t block = 4096;  // floats: stays in the first cache while all parts are added
    const std::int64_t size = std::int64_t(weights_.desc().get_size() / sizeof(float));
    parallel_chunks((size + block - 1) / block, size < 4 * block ? 1 : threads_,
                    [&](std::int64_t begin, std::int64_t end) {
                      for (std::int64_t chunk = begin; chunk < end; ++chunk)
                        for (std::size_t i = 1; i < parts_.size(); ++i)
                          add(sums_[0], sums_[i], chunk * block, std::min(size, (chunk + 1) * block));
                    });
  }

  static void add(float* __restrict to, const float* __restrict from, std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) to[i] += from[i];
  }

  Port x_, y_, weights_;
  std::vector<Part> parts_;
  std::vector<float*> sums_;  // one a part; the first is the result
  int threads_;
  std::size_t weights_bytes_;
  std::string implementation_;
};

std::string to_string(const Convolution& c) {
  return fmt::format("x [{}] w [{}] y [{}] stride [{}] padding [{}] dilation [{}] groups {}", fmt::join(c.x, ","),
                     fmt::join(c.w, ","), fmt::join(c.y, ","), fmt::join(c.stride, ","), fmt::join(c.padding, ","),
                     fmt::join(c.dilation, ","), c.groups);
}

}  // namespace

double Convolution::flops() const { return 2.0 * double(y[0] * y[1] * y[2] * y[3]) * double(w[1] * w[2] * w[3]); }

std::unique_ptr<Primitive> make_convolution(const Convolution& convolution) {
  const bool is_data = convolution.direction == Direction::data;
  if (is_data && prefers_columns(convolution)) return make_columns(convolution);
  const std::optional<Offer> offer = best_offer(convolution);
  if (is_data && !offer) return make_columns(convolution);
  if (!offer) throw InternalError("internal error: oneDNN has no code for the convolution " + to_string(convolution));
  if (convolution.direction == Direction::weights) return std::make_unique<WeightGradient>(convolution, *offer);
  return std::make_unique<WholeConvolution>(convolution, *offer);
}

std::string preferred_weights_layout(const Convolution& convolution) {
  if (!convolution.channels_last) return "";
  // What the gradient is made in; the forward kernels take that at no loss, or their weights are small.
  Convolution gradient = convolution;
  gradient.direction = Direction::weights;
  gradient.weights_layout.clear();
  gradient.bias = false;
  gradient.activation.clear();
  const std::optional<Offer> offer = best_offer(gradient);
  return offer && offer->quality() == 2 ? layout_of(gradient, offer->w) : "";
}

}  // namespace weft::cpu
