// The ROC and precision-recall curves, whose areas training/evaluation/roc.h measures.
#pragma once

#include <cstdint>
#include <span>

#include "training/plot/plots.h"

namespace weft::training {

// Arguments and errors as in training/evaluation/roc.h.
Canvas picture_roc(std::span<const double> scores, std::span<const std::int32_t> positive);
Canvas picture_precision_recall(std::span<const double> scores, std::span<const std::int32_t> positive);

}  // namespace weft::training
