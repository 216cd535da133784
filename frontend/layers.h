// Layers are objects that hold a name and sizes. Calling one in an entry uses its parameters there by name
// (`encoder.fc1.weight`), so all entries of a model share them. A layer's ops have the layer's name as scope
// (`encoder/fc1`), and its result has that name too.
#pragma once

#include <cstdint>
#include <source_location>
#include <string>
#include <vector>

#include "frontend/activations.h"
#include "frontend/init.h"
#include "frontend/ops.h"
#include "frontend/tensor.h"

namespace weft {

// How the parameters of a layer with weights start, and whether it has a bias.
struct Weights {
  Initialiser initialiser = uniform_fan_in;
  bool bias = true;
  Initialiser bias_initialiser = uniform_fan_in;
};

// x [B,in] -> x w + b [B,out]. Parameters: weight [in,out], bias [out].
class Linear {
 public:
  Linear(std::string name, std::int64_t in, std::int64_t out, Weights weights = {});
  Tensor operator()(Operand x) const;

 private:
  std::string name_;
  std::int64_t in_, out_;
  Weights weights_;
};

// x [B,in,H,W] -> [B,out,..], see conv2d. Parameters: weight [out,in/groups,kH,kW], bias [out].
class Conv2d {
 public:
  Conv2d(std::string name, std::int64_t in, std::int64_t out, Pair kernel, Conv2dOptions options = {},
         Weights weights = {});
  Tensor operator()(Operand x) const;

 private:
  std::string name_;
  std::int64_t in_, out_;
  Pair kernel_;
  Conv2dOptions options_;
  Weights weights_;
};

// x [B,in,H,W] -> [B,out,..], see conv_transpose2d. Parameters: weight [in,out/groups,kH,kW], bias [out]. The fan-in is
// out/groups*kH*kW, as in PyTorch.
class ConvTranspose2d {
 public:
  ConvTranspose2d(std::string name, std::int64_t in, std::int64_t out, Pair kernel, ConvTranspose2dOptions options = {},
                  Weights weights = {});
  Tensor operator()(Operand x) const;

 private:
  std::string name_;
  std::int64_t in_, out_;
  Pair kernel_;
  ConvTranspose2dOptions options_;
  Weights weights_;
};

// Batch normalisation (Ioffe & Szegedy 2015) of x [B,channels] or [B,channels,H,W], over all dims but the channels.
// Parameters: weight and bias [channels], initially 1 and 0. State: running_mean and running_var [channels], initially
// 0 and 1. Training uses the batch's mean and biased variance, and moves the running values by `momentum` towards the
// batch's mean and unbiased variance; a channel with one element is an Error. Eval mode uses the running values.
struct BatchNormOptions {
  double momentum = 0.1;
  double epsilon = 1e-5;  // added to the variance
};
class BatchNorm {
 public:
  BatchNorm(std::string name, std::int64_t channels, BatchNormOptions options = {});
  Tensor operator()(Operand x) const;

 private:
  std::string name_;
  std::int64_t channels_;
  BatchNormOptions options_;
};

// In training, sets each element to 0 with probability `rate`, 0 <= rate < 1, and scales the others by 1/(1-rate)
// (Srivastava et al. 2014); in eval mode, returns x itself.
class Dropout {
 public:
  explicit Dropout(double rate, std::source_location location = std::source_location::current());
  Tensor operator()(Operand x) const;

 private:
  double rate_;
};

// In training, adds normal noise of the given standard deviation; in eval mode, returns x itself.
class GaussianNoise {
 public:
  explicit GaussianNoise(double deviation) : deviation_(deviation) {}
  Tensor operator()(Operand x) const;

 private:
  double deviation_;
};

// Linear layers name.fc1, name.fc2, ... from `in` through each size in turn, each followed by an activation. Without
// sizes it returns x itself.
class Mlp {
 public:
  Mlp(const std::string& name, std::int64_t in, const std::vector<std::int64_t>& sizes, Activation activation,
      const Weights& weights = {});
  Tensor operator()(Operand x) const;
  std::vector<Tensor> blocks(Operand x) const;  // the output of each layer, first to last
  std::int64_t out() const { return out_; }     // the last size

 private:
  std::string name_;
  std::vector<Linear> layers_;
  std::int64_t out_;
  Activation activation_;
};

}  // namespace weft
