// Probes: small classifiers trained on what a frozen encoder gives. How well they do tells what the encoder knows of
// the classes that it was never told of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "training/data/dataset.h"
#include "training/session.h"

namespace weft::training {

// linear: multinomial logistic regression. mlp: two hidden layers of 200 with batch norm, RotNet's non-linear probe.
// conv: of a block's maps [N,C,H,W], a convolution 3x3 of 128 with batch norm, then the mean of each channel.
enum class ProbeKind : std::uint8_t { linear, mlp, conv };
std::vector<std::string> probe_names();
// An unknown name is an Error with the nearest right one.
ProbeKind parse_probe(const std::string& name);

struct ProbeOptions {
  ProbeKind kind = ProbeKind::linear;
  std::int64_t epochs = 20;
  std::int64_t batch = 256;
  double learning_rate = 5e-3;
  std::vector<double> weight_decays = {0, 1e-4, 1e-3};  // of which the validation samples choose
};

struct ProbeResult {
  double weight_decay = 0;  // the one chosen
  double validation = 0;    // accuracies; validation is 0 where there are no such samples, and the first decay is taken
  double test = 0;
};

// Trains on features f32 [N,..] (standardised ones, best), by Adam under a cosine schedule, from options.seed, on the
// backend and threads of `session`. The test samples choose nothing. Deterministic.
ProbeResult probe(const DatasetSplits& features, const ProbeOptions& options, const SessionOptions& session);

}  // namespace weft::training
