// How far training is: a bar on a terminal, now and then a plain line elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "training/trainer.h"

namespace weft::tools {

// "epoch 2/10 [######>           ]  34% loss 112.3, 48,000 images/s, 0:12 left", `width` columns wide where the bar can
// make it so. Without a known time left (0 or less) it is left out.
std::string progress_line(const training::Progress& progress, double seconds_left, int width);
// "loss 105.3, recon 80.5, kl 24.8"
std::string metrics_text(const training::Metrics& metrics);

class ProgressBar {
 public:
  explicit ProgressBar(std::FILE* file);
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Draws, unless it did so a moment ago.
  void show(const training::Progress& progress);
  void clear();  // so that other lines can be written

 private:
  using Clock = std::chrono::steady_clock;

  double seconds_left(const training::Progress& progress) const;
  void write(const std::string& text);  // a terminal that is gone ends no training

  std::FILE* file_;
  bool is_terminal_;
  bool drawn_ = false;
  Clock::time_point last_ = Clock::now();
  // The first progress told of: the run may have begun in an earlier sitting.
  Clock::time_point begin_;
  std::uint64_t first_step_ = 0;
};

}  // namespace weft::tools
