// Convolutions by cuDNN, whose weights must have the dim order of the images. Weights in another order, and images in
// an order that cuDNN does not support, are relaid out before the call and back after it.
#include <array>
#include <optional>

#include "backends/cuda/device/driver_primitive.h"
#include "ir/error.h"
#include "ir/type.h"

namespace weft::cuda {

namespace {

constexpr std::size_t kWorkspaceLimit = std::size_t{1} << 30;  // bytes

using Dims = std::array<std::int64_t, 4>;

std::string text_of(const Convolution& c) {
  const char* const direction = c.direction == WEFT_FORWARD     ? "convolution"
                                : c.direction == WEFT_BACK_TO_X ? "transposed convolution"
                                                                : "weight gradient of a convolution";
  return fmt::format("{} of [{}] with [{}] to [{}]", direction, fmt::join(c.x, ","), fmt::join(c.w, ","),
                     fmt::join(c.y, ","));
}

cudnnDataType_t type_of(weft_dtype dtype) { return dtype == WEFT_BF16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT; }

// Four dims with their strides: [N,C,H,W] or [O,C,kH,kW], channels first or last in memory.
class TensorDescriptor {
 public:
  TensorDescriptor(const Dims& dims, weft_dtype dtype, bool channels_last, const std::string& what) {
    const cudnnDataType_t type = type_of(dtype);
    const auto [n, c, h, w] = std::array<int, 4>{int(dims[0]), int(dims[1]), int(dims[2]), int(dims[3])};
    must(apis().cudnnCreateTensorDescriptor(&handle_), what);
    must(channels_last ? apis().cudnnSetTensor4dDescriptorEx(handle_, type, n, c, h, w, h * w * c, 1, w * c, c)
                       : apis().cudnnSetTensor4dDescriptorEx(handle_, type, n, c, h, w, c * h * w, h * w, w, 1),
         what);
  }
  ~TensorDescriptor() { apis().cudnnDestroyTensorDescriptor(handle_); }
  TensorDescriptor(const TensorDescriptor&) = delete;
  TensorDescriptor& operator=(const TensorDescriptor&) = delete;
  cudnnTensorDescriptor_t get() const { return handle_; }

 private:
  cudnnTensorDescriptor_t handle_ = nullptr;
};

// Whether both memory orders coincide: one channel or one pixel.
bool is_orderless(const Dims& dims) { return dims[1] == 1 || dims[2] * dims[3] == 1; }

// A tensor in our order and in cuDNN's order; if they differ, `offset` is the position of cuDNN's copy in scratch.
struct Operand {
  Operand(const Dims& dims, weft_dtype dtype, bool ours_last, bool theirs_last, const std::string& what)
      : ours(dims, dtype, ours_last, what),
        theirs(dims, dtype, theirs_last, what),
        moves(ours_last != theirs_last && !is_orderless(dims)),
        bytes(moves ? aligned(std::size_t(dims[0] * dims[1] * dims[2] * dims[3]) * ir::size_of(ir::DType(dtype))) : 0) {
  }

  TensorDescriptor ours, theirs;
  bool moves;
  std::size_t bytes;
  std::size_t offset = 0;
};

class DnnConvolution final : public Primitive {
 public:
  DnnConvolution(cudnnHandle_t handle, const Convolution& c, bool channels_last)
      : handle_(handle),
        direction_(c.direction),
        what_(text_of(c)),
        channels_last_(channels_last),
        bias_(c.bias != 0),
        activation_(c.activation),
        suffix_(precision_suffix(c.dtype, c.tf32 != 0)),
        math_(math_of(c)),
        x_(std::to_array(c.x), c.dtype, c.channels_last != 0, channels_last, what_),
        w_(std::to_array(c.w), c.dtype, has_channels_last_weights(c), channels_last, what_),
        y_(std::to_array(c.y), c.dtype, c.channels_last != 0, channels_last, what_) {
    must(apis().cudnnCreateFilterDescriptor(&filter_), what_);
    must(apis().cudnnSetFilter4dDescriptor(filter_, type_of(c.dtype),
                                           channels_last ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW, int(c.w[0]),
                                           int(c.w[1]), int(c.w[2]), int(c.w[3])),
         what_);
    must(apis().cudnnCreateConvolutionDescriptor(&convolution_), what_);
    must(apis().cudnnSetConvolution2dDescriptor(convolution_, int(c.padding[0]), int(c.padding[1]), int(c.stride[0]),
                                                int(c.stride[1]), int(c.dilation[0]), int(c.dilation[1]),
                                                CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
         what_);
    must(apis().cudnnSetConvolutionGroupCount(convolution_, int(c.groups)), what_);
    must(apis().cudnnSetConvolutionMathType(convolution_, math_), what_);
    if (bias_ || !activation_.empty()) describe_epilogue(c);
    for (Operand* each : {&x_, &w_, &y_}) {
      each->offset = scratch_bytes_;
      scratch_bytes_ += each->bytes;
    }
    workspace_offset_ = scratch_bytes_;
    choose();
    scratch_bytes_ += workspace_bytes_;
  }
  ~DnnConvolution() override {
    if (relu_) apis().cudnnDestroyActivationDescriptor(relu_);
    apis().cudnnDestroyConvolutionDescriptor(convolution_);
    apis().cudnnDestroyFilterDescriptor(filter_);
  }
  DnnConvolution(const DnnConvolution&) = delete;
  DnnConvolution& operator=(const DnnConvolution&) = delete;

  bool has_algorithm() const { return found_; }
  std::size_t scratch_bytes() const override { return scratch_bytes_; }
  std::string implementation() const override {
    return fmt::format("cudnn:{}:{}{}{}{}", channels_last_ ? "nhwc" : "nchw", algorithm_, suffix_,
                       x_.moves || y_.moves ? ":reordered" : "", bias_ && !fuses_ ? ":apart" : "");
  }

  void run(void* const* operands, void* scratch) override {
    switch (direction_) {
      case WEFT_FORWARD: {
        void *const x = taken(x_, operands[0], scratch), *const w = taken(w_, operands[1], scratch);
        void *const ours = operands[bias_ ? 3 : 2], *const y = place(y_, ours, scratch);
        if (!bias_ || !forward_as_one(x, w, operands[2], y, scratch)) forward(x, w, operands[2], y, scratch);
        return given(y_, y, ours);
      }
      case WEFT_BACK_TO_X: {
        void *const y = taken(y_, operands[0], scratch), *const w = taken(w_, operands[1], scratch);
        void* const x = place(x_, operands[2], scratch);
        must(apis().cudnnConvolutionBackwardData(handle_, &kOne, filter_, w, y_.theirs.get(), y, convolution_,
                                                 cudnnConvolutionBwdDataAlgo_t(algorithm_), workspace(scratch),
                                                 workspace_bytes_, &kZero, x_.theirs.get(), x),
             what_);
        return given(x_, x, operands[2]);
      }
      case WEFT_BACK_TO_W: {
        void *const x = taken(x_, operands[0], scratch), *const y = taken(y_, operands[1], scratch);
        void* const w = place(w_, operands[2], scratch);
        must(apis().cudnnConvolutionBackwardFilter(handle_, &kOne, x_.theirs.get(), x, y_.theirs.get(), y, convolution_,
                                                   cudnnConvolutionBwdFilterAlgo_t(algorithm_), workspace(scratch),
                                                   workspace_bytes_, &kZero, filter_, w),
             what_);
        return given(w_, w, operands[2]);
      }
    }
  }

 private:
  static constexpr float kOne = 1, kZero = 0;

  // For f32, tensor cores mean TF32, which the default allows; only fused multiply-adds keep all bits.
  static cudnnMathType_t math_of(const Convolution& c) {
    if (c.dtype == WEFT_BF16) return CUDNN_TENSOR_OP_MATH;
    return c.tf32 != 0 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH;
  }

  void describe_epilogue(const Convolution& c) {
    check(activation_.empty() || activation_ == "relu", "the target of cuda lists the activations of convolutions");
    bias_desc_.emplace(Dims{1, c.y[1], 1, 1}, c.dtype, channels_last_, what_);
    must(apis().cudnnCreateActivationDescriptor(&relu_), what_);
    must(apis().cudnnSetActivationDescriptor(
             relu_, activation_.empty() ? CUDNN_ACTIVATION_IDENTITY : CUDNN_ACTIVATION_RELU, CUDNN_PROPAGATE_NAN, 0),
         what_);
  }

  // Fuses bias and activation into the convolution. Returns false if cuDNN does not support this, which only a call can
  // tell. The first call tells before any recording, and the answer never changes. cuDNN may add another tensor of the
  // result's shape: this passes the result itself, times 0 and so not read.
  bool forward_as_one(const void* x, const void* w, const void* bias, void* y, void* scratch) {
    if (!fuses_) return false;
    const cudnnStatus_t status = apis().cudnnConvolutionBiasActivationForward(
        handle_, &kOne, x_.theirs.get(), x, filter_, w, convolution_, cudnnConvolutionFwdAlgo_t(algorithm_),
        workspace(scratch), workspace_bytes_, &kZero, y_.theirs.get(), y, bias_desc_->get(), bias, relu_,
        y_.theirs.get(), y);
    if (has_fused_) must(status, what_);
    has_fused_ = fuses_ = status == CUDNN_STATUS_SUCCESS;
    return fuses_;
  }

  void forward(const void* x, const void* w, const void* bias, void* y, void* scratch) const {
    const cudnnTensorDescriptor_t result = y_.theirs.get();
    must(apis().cudnnConvolutionForward(handle_, &kOne, x_.theirs.get(), x, filter_, w, convolution_,
                                        cudnnConvolutionFwdAlgo_t(algorithm_), workspace(scratch), workspace_bytes_,
                                        &kZero, result, y),
         what_);
    if (bias_) must(apis().cudnnAddTensor(handle_, &kOne, bias_desc_->get(), bias, &kOne, result, y), what_);
    if (!activation_.empty())
      must(apis().cudnnActivationForward(handle_, relu_, &kOne, result, y, &kZero, result, y), what_);
  }

  // Without an activation, cuDNN adds a bias after only one algorithm.
  bool allows(int algorithm) const {
    return !bias_ || !activation_.empty() || algorithm == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
  }

  void* workspace(void* scratch) const { return static_cast<std::byte*>(scratch) + workspace_offset_; }
  static void* place(const Operand& operand, void* ours, void* scratch) {
    return operand.moves ? static_cast<std::byte*>(scratch) + operand.offset : ours;
  }
  // The operand in cuDNN's order.
  void* taken(const Operand& operand, void* ours, void* scratch) const {
    void* const theirs = place(operand, ours, scratch);
    if (operand.moves)
      must(apis().cudnnTransformTensor(handle_, &kOne, operand.ours.get(), ours, &kZero, operand.theirs.get(), theirs),
           what_);
    return theirs;
  }
  // Copies the result back to our order.
  void given(const Operand& operand, const void* theirs, void* ours) const {
    if (operand.moves)
      must(apis().cudnnTransformTensor(handle_, &kOne, operand.theirs.get(), theirs, &kZero, operand.ours.get(), ours),
           what_);
  }

  // The first choice of cuDNN among deterministic algorithms. Each offer has its own math mode, tensor cores or not:
  // use it, except for f32, and let `bytes_of` check whether the algorithm supports the mode and how much memory it
  // needs.
  template <typename Performance, typename Ask, typename Bytes>
  void take_first(Ask ask, Bytes bytes_of) {
    std::array<Performance, 16> offers{};
    int count = 0;
    if (ask(int(offers.size()), &count, offers.data()) != CUDNN_STATUS_SUCCESS) return;
    for (int i = 0; i < count && !found_; ++i) {
      const Performance& offer = offers[std::size_t(i)];
      if (offer.status != CUDNN_STATUS_SUCCESS || offer.determinism != CUDNN_DETERMINISTIC || !allows(int(offer.algo)))
        continue;
      const cudnnMathType_t math = math_ == CUDNN_FMA_MATH ? math_ : offer.mathType;
      must(apis().cudnnSetConvolutionMathType(convolution_, math), what_);
      if (bytes_of(offer.algo, &workspace_bytes_) != CUDNN_STATUS_SUCCESS || workspace_bytes_ > kWorkspaceLimit)
        continue;
      found_ = true;
      algorithm_ = int(offer.algo);
    }
  }

  void choose() {
    const cudnnTensorDescriptor_t x = x_.theirs.get(), y = y_.theirs.get();
    switch (direction_) {
      case WEFT_FORWARD:
        return take_first<cudnnConvolutionFwdAlgoPerf_t>(
            [&](int wanted, int* count, auto* offers) {
              return apis().cudnnGetConvolutionForwardAlgorithm_v7(handle_, x, filter_, convolution_, y, wanted, count,
                                                                   offers);
            },
            [&](auto algorithm, std::size_t* bytes) {
              return apis().cudnnGetConvolutionForwardWorkspaceSize(handle_, x, filter_, convolution_, y, algorithm,
                                                                    bytes);
            });
      case WEFT_BACK_TO_X:
        return take_first<cudnnConvolutionBwdDataAlgoPerf_t>(
            [&](int wanted, int* count, auto* offers) {
              return apis().cudnnGetConvolutionBackwardDataAlgorithm_v7(handle_, filter_, y, convolution_, x, wanted,
                                                                        count, offers);
            },
            [&](auto algorithm, std::size_t* bytes) {
              return apis().cudnnGetConvolutionBackwardDataWorkspaceSize(handle_, filter_, y, convolution_, x,
                                                                         algorithm, bytes);
            });
      case WEFT_BACK_TO_W:
        return take_first<cudnnConvolutionBwdFilterAlgoPerf_t>(
            [&](int wanted, int* count, auto* offers) {
              return apis().cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle_, x, y, convolution_, filter_, wanted,
                                                                          count, offers);
            },
            [&](auto algorithm, std::size_t* bytes) {
              return apis().cudnnGetConvolutionBackwardFilterWorkspaceSize(handle_, x, y, convolution_, filter_,
                                                                           algorithm, bytes);
            });
    }
  }

  cudnnHandle_t handle_;
  weft_direction direction_;
  std::string what_;
  bool channels_last_, bias_;
  std::string activation_, suffix_;
  cudnnMathType_t math_;
  Operand x_, w_, y_;
  std::optional<TensorDescriptor> bias_desc_;
  cudnnActivationDescriptor_t relu_ = nullptr;  // or the identity
  cudnnFilterDescriptor_t filter_ = nullptr;
  cudnnConvolutionDescriptor_t convolution_ = nullptr;
  bool found_ = false;
  bool fuses_ = true, has_fused_ = false;  // convolution and bias in one call
  int algorithm_ = 0;
  std::size_t workspace_bytes_ = 0, workspace_offset_ = 0, scratch_bytes_ = 0;
};

}  // namespace

std::unique_ptr<Primitive> make_convolution(cudnnHandle_t handle, const Convolution& convolution) {
  for (const bool channels_last : {convolution.channels_last != 0, convolution.channels_last == 0}) {
    auto operation = std::make_unique<DnnConvolution>(handle, convolution, channels_last);
    if (operation->has_algorithm()) return operation;
  }
  fail("{}: cuDNN has no algorithm for it whose sums have a fixed order", text_of(convolution));
}

}  // namespace weft::cuda
