// Training progress: a bar on a terminal, an occasional line elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "training/trainer.h"

namespace weft::tools {

// "epoch 2/10 [######>           ]  34% loss 112.3, 48,000 images/s, 0:12 left"; the bar adapts to `width` columns if
// possible. Omits the time left if it is unknown (0 or less).
std::string progress_line(const training::Progress& progress, double seconds_left, int width);
// "loss 105.3, recon 80.5, kl 24.8"
std::string metrics_text(const training::Metrics& metrics);

class ProgressBar {
 public:
  explicit ProgressBar(std::FILE* file);
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Draws, unless it did so very recently.
  void show(const training::Progress& progress);
  void clear();  // before other lines are written

 private:
  using Clock = std::chrono::steady_clock;

  double seconds_left(const training::Progress& progress) const;
  void write(const std::string& text);  // ignores errors: a closed terminal must not end training

  std::FILE* file_;
  bool is_terminal_;
  bool drawn_ = false;
  Clock::time_point last_ = Clock::now();
  // The first progress seen: the run may have started in an earlier process.
  Clock::time_point begin_;
  std::uint64_t first_step_ = 0;
};

}  // namespace weft::tools
