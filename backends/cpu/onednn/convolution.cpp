// Convolutions by oneDNN. Weft first requests the operands' layouts; if oneDNN is slow with these, it reorders the
// operands in scratch. oneDNN's `ref` implementations, plain loops, are the last resort for shapes that nothing else
// covers, such as windows that see a single pixel. The data gradient tries im2col (convolution_im2col.h) before them.
#include <algorithm>
#include <bit>

#include "backends/cpu/onednn/call.h"
#include "backends/cpu/onednn/convolution_im2col.h"
#include "backends/cpu/onednn/offer.h"
#include "backends/cpu/onednn/onednn.h"
#include "backends/cpu/onednn/version.h"
#include "backends/cpu/threads/memory.h"
#include "backends/cpu/threads/parallel.h"
#include "ir/error.h"

namespace weft::cpu {

namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;

// One operand: its memory in the program's layout and in the primitive's layout.
class Port {
 public:
  Port(const Desc& given, const Desc& wanted, bool is_result) : wanted_(wanted), is_result_(is_result) {
    if (given == wanted) return;
    const std::int64_t size = dims_of(given)[0], unit = std::max(unit_of(given), unit_of(wanted));
    const std::int64_t parts = std::clamp<std::int64_t>(size / unit, 1, kMostParts);
    for (std::int64_t i = 0; i < parts; ++i) {
      const auto [first, last] = share_of({0, size}, i, parts, unit);
      add_part(slice(given, first, last), slice(wanted, first, last));
    }
  }

  std::size_t scratch_bytes() const { return is_reordered() ? aligned(wanted_.get_size()) : 0; }
  void bind(void* given, std::byte* scratch) {
    memory_ = is_reordered() ? scratch : static_cast<std::byte*>(given);
    for (Call& part : parts_) {  // their descriptors hold offsets
      part.set(is_result_ ? 1 : 0, given);
      part.set(is_result_ ? 0 : 1, memory_);
    }
  }
  void run(int threads) {
    parallel_chunks(std::int64_t(parts_.size()), threads, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) parts_[std::size_t(i)].run();
    });
  }

  bool is_reordered() const { return !parts_.empty(); }
  std::byte* memory() const { return memory_; }  // the memory that the primitive reads or writes
  const Desc& desc() const { return wanted_; }
  // Bytes from one image to the next.
  std::int64_t image_stride() const { return blocking_of(wanted_)->strides[0] * std::int64_t(sizeof(float)); }

 private:
  static constexpr std::int64_t kMostParts = 16;

  // Reorders are cut along the first dim, images or output channels: its blocks, or all of it where parts are no views,
  // as of padded weights. Blocks are powers of two.
  static std::int64_t unit_of(const Desc& desc) {
    const std::int64_t size = dims_of(desc)[0];
    const std::optional<Blocking> blocking = blocking_of(desc);
    if (!blocking || blocking->padded_dims[0] != size) return size;
    std::int64_t unit = 4;
    for (const auto& [dim, block] : blocking->blocks)
      if (dim == 0) unit *= block;
    return unit;
  }
  static Desc slice(const Desc& whole, std::int64_t first, std::int64_t last) {
    dnnl::memory::dims dims = dims_of(whole);
    if (last - first == dims[0]) return whole;
    dnnl::memory::dims offsets(dims.size(), 0);
    dims[0] = last - first;
    offsets[0] = first;
    return whole.submemory_desc(dims, offsets);
  }
  void add_part(const Desc& given, const Desc& wanted) {
    const Desc &from = is_result_ ? wanted : given, &to = is_result_ ? given : wanted;
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::reorder::primitive_desc desc(engine(), from, engine(), to, attributes);
    check(desc.scratchpad_desc().get_size() == 0, "a reorder needs no scratch");
    Call& call = parts_.emplace_back(dnnl::reorder(desc));
    call.add(DNNL_ARG_FROM, from);
    call.add(DNNL_ARG_TO, to);
  }

  Desc wanted_;
  std::vector<Call> parts_;
  bool is_result_;
  std::byte* memory_ = nullptr;
};

std::string describe(const std::string& implementation, const std::vector<const Port*>& ports) {
  const auto reordered =
      std::count_if(ports.begin(), ports.end(), [](const Port* port) { return port->is_reordered(); });
  return reordered == 0 ? implementation : fmt::format("{}, {} reordered", implementation, reordered);
}

Desc given_image(const Convolution& c, const std::int64_t (&dims)[4]) {
  return image_desc(dims, c.channels_last ? Tag::nhwc : Tag::nchw);
}

// The same convolution for fewer images, with the layouts of an offer for all.
Offer ask_for_part(const Convolution& c, const Offer& whole, std::int64_t images) {
  Convolution part = c;
  part.x[0] = part.y[0] = images;
  const auto of_images = [&](const Desc& of_whole, const std::int64_t(&dims)[4]) {
    return of_whole.submemory_desc({std::begin(dims), std::end(dims)}, {0, 0, 0, 0});
  };
  std::optional<Offer> offer =
      offer_in({of_images(whole.x, part.x), whole.w, of_images(whole.y, part.y), whole.is_winograd()}, part);
  check(offer.has_value(), "oneDNN offers the whole minibatch's convolution for a part too");
  return std::move(*offer);
}

// A primitive for some of the images.
struct Part {
  std::int64_t first_image = 0;
  Call call;
  std::size_t scratchpad_bytes = 0;
  Relu relu = {};  // one line per image
};

// The number of minibatch parts of a weight gradient, to be added in order, and of any Winograd convolution: a function
// of the shape, so that bits do not depend on the threads. More parts would occupy more threads, but each costs the
// memory of a gradient or, with Winograd, a transformation of the weights: of 16 parts of 256 x 256 channels that takes
// four times as long as all else. A power of two divides evenly among two or four threads.
std::int64_t parts_of(const Convolution& c, bool winograd) {
  constexpr std::int64_t most = 8, images_a_part = 4;
  const std::int64_t floats = std::int64_t{1} << (winograd ? 17 : 19);
  const std::int64_t size = c.w[0] * c.w[1] * c.w[2] * c.w[3];
  const auto bound = std::min({most, c.x[0] / images_a_part, std::max<std::int64_t>(2, floats / size)});
  return std::int64_t(std::bit_floor(std::uint64_t(std::max<std::int64_t>(1, bound))));
}

// Forward, and the data gradient: parts of the minibatch, each computed by one thread.
class WholeConvolution final : public Primitive {
 public:
  WholeConvolution(const Convolution& c, const Offer& offer, int threads)
      : forward_(c.direction == WEFT_FORWARD),
        bias_(c.bias),
        relu_(*c.activation != '\0'),
        from_(given_image(c, forward_ ? c.x : c.y), forward_ ? offer.x : offer.y, false),
        weights_(given_weight_desc(c), offer.w, false),
        to_(given_image(c, forward_ ? c.y : c.x), forward_ ? offer.y : offer.x, true),
        threads_(threads),
        implementation_(describe(offer.implementation, {&from_, &weights_, &to_})) {
    check(!relu_ || (forward_ && std::string_view(c.activation) == "relu"), "make_convolution: no such activation");
    constexpr std::int64_t most = 16;
    const std::int64_t parts = offer.is_winograd() ? parts_of(c, true) : std::min(most, c.x[0]);
    for (std::int64_t i = 0; i < parts; ++i) {
      const auto [first, last] = share_of({0, c.x[0]}, i, parts);
      add_part(ask_for_part(c, offer, last - first), first, last - first);
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
      std::byte* const result = to_.memory() + part.first_image * to_.image_stride();
      part.call.set(2, result);
      part.call.set(3, take(part.scratchpad_bytes));
      part.relu.data = reinterpret_cast<float*>(result);
      if (bias_) part.call.set(4, operands[2]);
    }
  }

  void run() override {
    from_.run(threads_);
    weights_.run(threads_);
    run_parts(parts_, threads_);
    to_.run(threads_);
  }

  std::size_t scratch_bytes() const override {
    std::size_t bytes = from_.scratch_bytes() + weights_.scratch_bytes() + to_.scratch_bytes();
    for (const Part& part : parts_) bytes += part.scratchpad_bytes;
    return bytes;
  }
  std::string implementation() const override { return implementation_; }

 private:
  void add_part(const Offer& offer, std::int64_t first_image, std::int64_t images) {
    Call call(offer.primitive);
    call.add(forward_ ? DNNL_ARG_SRC : DNNL_ARG_DIFF_DST, forward_ ? offer.x : offer.y);
    call.add(DNNL_ARG_WEIGHTS, offer.w);
    call.add(forward_ ? DNNL_ARG_DST : DNNL_ARG_DIFF_SRC, forward_ ? offer.y : offer.x);
    call.add(DNNL_ARG_SCRATCHPAD, offer.scratchpad);
    if (bias_) call.add(DNNL_ARG_BIAS, offer.bias);
    parts_.push_back({first_image, std::move(call), aligned(offer.scratchpad.get_size())});
    const std::int64_t size = to_.image_stride() / std::int64_t(sizeof(float));
    if (relu_) parts_.back().relu = {nullptr, images, size, size};
  }

  bool forward_, bias_, relu_;
  Port from_, weights_, to_;
  std::vector<Part> parts_;
  int threads_;
  std::string implementation_;
};

// The weight gradient: parts of the minibatch, each computed by a single-threaded primitive, added in order.
class WeightGradient final : public Primitive {
 public:
  WeightGradient(const Convolution& c, const Offer& whole, int threads)
      : x_(given_image(c, c.x), whole.x, false),
        y_(given_image(c, c.y), whole.y, false),
        weights_(given_weight_desc(c), whole.w, true),
        threads_(threads),
        weights_bytes_(aligned(whole.w.get_size())) {
    const std::int64_t parts = parts_of(c, whole.is_winograd());
    for (std::int64_t i = 0; i < parts; ++i) {
      const auto [first, last] = share_of({0, c.x[0]}, i, parts);
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
    x_.run(threads_);
    y_.run(threads_);
    run_parts(parts_, threads_);
    if (parts_.size() > 1) add_parts();
    weights_.run(threads_);
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
    constexpr std::int64_t block = 4096;  // floats: stays in the first-level cache while all parts are added
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
  std::vector<float*> sums_;  // one per part; the first is the result
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

std::unique_ptr<Primitive> make_convolution(const Convolution& convolution, int threads) {
  const OneThread one_thread;
  const bool is_data = convolution.direction == WEFT_BACK_TO_X;
  if (is_data && prefers_im2col(convolution)) return make_im2col(convolution, threads);
  const std::optional<Offer> offer = best_offer(convolution);
  if (is_data && !offer) return make_im2col(convolution, threads);
  if (!offer) throw InternalError("internal error: oneDNN has no code for the convolution " + to_string(convolution));
  if (convolution.direction == WEFT_BACK_TO_W) return std::make_unique<WeightGradient>(convolution, *offer, threads);
  return std::make_unique<WholeConvolution>(convolution, *offer, threads);
}

std::string preferred_weights_layout(const Convolution& convolution) {
  if (!convolution.channels_last) return "";
  // The layout that computes the gradient; the forward primitives take it at no cost, or their weights are small.
  Convolution gradient = convolution;
  gradient.direction = WEFT_BACK_TO_W;
  gradient.weights_layout = "";
  gradient.bias = false;
  gradient.activation = "";
  const OneThread one_thread;
  const std::optional<Offer> offer = best_offer(gradient);
  return offer && offer->quality() == 2 ? layout_of(gradient, offer->w) : "";
}

}  // namespace weft::cpu
