#include "tools/console/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "tools/console/console.h"

namespace weft::tools {

std::string progress_line(const training::Progress& progress, double seconds_left, int width) {
  const double done = progress.steps > 0 ? double(progress.step) / double(progress.steps) : 1;
  const std::string layer = progress.layer > 0 ? fmt::format("layer {}, ", progress.layer) : "";
  const std::string head = layer + fmt::format("epoch {}/{} [", progress.epoch, progress.epochs);
  std::string tail = fmt::format("] {:3.0f}%  loss {:#.4g}", 100 * done, progress.loss);
  tail += fmt::format(", {} images/s", grouped(static_cast<std::int64_t>(progress.images_per_second)));
  if (seconds_left > 0) tail += fmt::format(", {} left", duration_text(seconds_left));
  const int room = std::clamp(width - int(head.size() + tail.size()), 4, 40);
  const int filled = int(done * room);
  return head + std::string(std::size_t(filled), '#') + (filled < room ? ">" : "") +
         std::string(std::size_t(std::max(0, room - filled - 1)), ' ') + tail;
}

std::string metrics_text(const training::Metrics& metrics) {
  std::string text;
  for (const auto& [name, value] : metrics) text += fmt::format("{}{} {:.4f}", text.empty() ? "" : ", ", name, value);
  return text;
}

namespace {

constexpr std::chrono::milliseconds kRedrawAfter{100};
constexpr std::chrono::seconds kPlainLineAfter{10};

int columns_of(std::FILE* file) {
  winsize size{};
  return ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

ProgressBar::ProgressBar(std::FILE* file) : file_(file), is_terminal_(isatty(fileno(file)) == 1) {}

double ProgressBar::seconds_left(const training::Progress& progress) const {
  const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  const auto done = double(progress.step - first_step_);
  return done > 0 ? seconds / done * double(progress.steps - progress.step) : 0;
}

void ProgressBar::write(const std::string& text) {
  std::fputs(text.c_str(), file_);
  std::fflush(file_);
}

void ProgressBar::show(const training::Progress& progress) {
  const Clock::time_point now = Clock::now();
  if (first_step_ == 0) {
    first_step_ = progress.step;
    begin_ = now;
  }
  if (is_terminal_ ? now - last_ < kRedrawAfter : now - last_ < kPlainLineAfter) return;
  last_ = now;
  if (is_terminal_)
    write("\r\033[K" + progress_line(progress, seconds_left(progress), columns_of(file_) - 1));
  else
    write(progress_line(progress, seconds_left(progress), 80) + "\n");
  drawn_ = is_terminal_;
}

void ProgressBar::clear() {
  if (!drawn_) return;
  write("\r\033[K");
  drawn_ = false;
}

}  // namespace weft::tools
