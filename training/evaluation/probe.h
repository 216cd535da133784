// Probes: small classifiers trained on the output of a frozen encoder. Their accuracy measures what an encoder trained
// without labels knows about the classes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "training/data/dataset.h"
#include "training/session.h"

namespace weft::training {

// linear: multinomial logistic regression. mlp: two hidden layers of 200 with batch norm, RotNet's non-linear probe.
// conv: on the maps [N,C,H,W] of a block, a 3x3 convolution of 128 channels with batch norm, then the mean of each
// channel.
enum class ProbeKind : std::uint8_t { linear, mlp, conv };
std::vector<std::string> probe_names();
// Throws Error with the nearest name if the name is unknown.
ProbeKind parse_probe(const std::string& name);

struct ProbeOptions {
  ProbeKind kind = ProbeKind::linear;
  std::int64_t epochs = 20;
  std::int64_t batch = 256;
  double learning_rate = 5e-3;
  std::vector<double> weight_decays = {0, 1e-4, 1e-3};  // validation accuracy selects one
};

struct ProbeResult {
  double weight_decay = 0;  // the selected one
  double validation = 0;    // accuracy; 0 without validation samples, which selects the first decay
  double test = 0;          // accuracy
};

// Trains on features f32 [N,..], preferably standardised, with Adam and a cosine schedule, and with the seed, backend
// and threads of `session`. The test samples do not influence training. Deterministic.
ProbeResult probe(const DatasetSplits& features, const ProbeOptions& options, const SessionOptions& session);

}  // namespace weft::training
