// Keeps one log-sum-exp per sample of the data and updates it with each draw of z.
#include "training/evaluation/iwae.h"

#include <cmath>
#include <limits>
#include <vector>

#include "ir/error.h"

namespace weft::training {

namespace {

// The log of a sum of exponentials, kept as sum * e^largest so that no exponential overflows.
struct LogSum {
  double largest = -std::numeric_limits<double>::infinity();
  double sum = 0;

  void add(double exponent) {
    if (exponent > largest) {
      sum = sum * std::exp(largest - exponent) + 1;
      largest = exponent;
    } else {
      sum += std::exp(exponent - largest);
    }
  }
  double log() const { return largest + std::log(sum); }
};

// The input of `log_weight`, the same for every z. Empty if it is the data itself.
runtime::NamedTensors observed(Session& session, const Dataset& data) {
  if (!session.has("observe")) return {};
  runtime::NamedTensors outputs = session.run("observe", data);
  return {{"x", std::move(output_of(outputs, "observe", "x"))}};
}

}  // namespace

double iwae_nll(Session& session, const Dataset& data, std::int64_t samples,
                const std::function<void(std::int64_t)>& progress) {
  if (data.size() == 0) fail("cannot evaluate on {}: it holds no samples", data.name);
  const runtime::NamedTensors seen = observed(session, data);
  std::vector<LogSum> sums(static_cast<std::size_t>(data.size()));
  for (std::int64_t draw = 0; draw < samples; ++draw) {
    const auto number = static_cast<std::uint64_t>(draw);
    const runtime::NamedTensors outputs =
        seen.empty() ? session.run("log_weight", data, number) : session.run("log_weight", seen, number);
    const auto found = outputs.find("log_weight");
    if (found == outputs.end() || found->second.elements() != data.size())
      fail("entry @log_weight has no output log_weight f32[B]");
    const std::span<const float> weights = found->second.as<float>();
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i].add(weights[i]);
    if (progress) progress(draw + 1);
  }
  double total = 0;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double estimate = sums[i].log() - std::log(static_cast<double>(samples));
    if (!std::isfinite(estimate))
      fail("log p(x) of sample {} of {} is {}: the model has diverged", i, data.name, estimate);
    total -= estimate;
  }
  return total / static_cast<double>(data.size());
}

}  // namespace weft::training
