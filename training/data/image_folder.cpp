// Finds, reads and joins images.
#include "training/data/image_folder.h"

#include <algorithm>
#include <set>

#include "ir/error.h"
#include "ir/visible.h"
#include "training/data/png.h"

namespace weft::training {

namespace fs = std::filesystem;
using runtime::HostTensor;

namespace {

bool is_png(const fs::path& path) { return path.extension() == ".png" || path.extension() == ".PNG"; }

std::vector<fs::path> pngs_in(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file() && is_png(entry.path())) paths.push_back(entry.path());
  std::ranges::sort(paths);
  return paths;
}

// The names of the folders in `folder` that hold images, sorted.
std::vector<std::string> classes_in(const fs::path& folder) {
  std::set<std::string> names;
  if (!fs::is_directory(folder)) return {};
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.is_directory() && !pngs_in(entry.path()).empty()) names.insert(entry.path().filename().string());
  return {names.begin(), names.end()};
}

struct Sample {
  fs::path path;
  std::int32_t label = 0;
};

// Shuffled by the seed.
std::vector<Sample> samples_in(const fs::path& folder, const std::vector<std::string>& classes, std::uint64_t seed) {
  std::vector<Sample> sorted;
  for (std::size_t label = 0; label < classes.size(); ++label) {
    if (!fs::is_directory(folder / classes[label])) continue;
    for (fs::path& path : pngs_in(folder / classes[label]))
      sorted.push_back({std::move(path), static_cast<std::int32_t>(label)});
  }
  std::vector<Sample> drawn;
  for (const std::int64_t index : shuffled_indices(static_cast<std::int64_t>(sorted.size()), seed))
    drawn.push_back(std::move(sorted[static_cast<std::size_t>(index)]));
  return drawn;
}

// Decoded images, all of one size.
class ImageStack {
 public:
  // An empty stack for images of the same size.
  ImageStack alike() const {
    ImageStack other;
    other.first_ = first_;
    other.width_ = width_;
    other.height_ = height_;
    return other;
  }

  void add(const Sample& sample) {
    Image image = read_png(sample.path);
    if (first_.empty()) {
      first_ = sample.path;
      width_ = image.width;
      height_ = image.height;
    }
    if (width_ != image.width || height_ != image.height)
      fail("{} has {}x{} pixels, but {} has {}x{}; scale all images to one size", sample.path.string(), image.width,
           image.height, first_.string(), width_, height_);
    colour_ = colour_ || image.channels == 3;
    images_.push_back(std::move(image));
    labels_.push_back(sample.label);
  }

  bool has_colour() const { return colour_; }

  // One plane per channel.
  Dataset finish(std::string name, const std::vector<std::string>& classes, bool colour) const {
    const auto count = static_cast<std::int64_t>(images_.size());
    const std::size_t channels = colour ? 3 : 1;
    const auto plane = static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_);
    Dataset data{std::move(name),
                 HostTensor::zeros(ir::DType::u8, {count, static_cast<std::int64_t>(channels), height_, width_}),
                 HostTensor::of<std::int32_t>(labels_, {count}), static_cast<int>(classes.size()), classes};
    std::ranges::transform(classes, data.class_names.begin(), visible);
    auto out = data.samples.as<std::uint8_t>().begin();
    for (const Image& image : images_) {
      const auto step = static_cast<std::size_t>(image.channels);
      for (std::size_t channel = 0; channel < channels; ++channel)
        for (std::size_t i = 0; i < plane; ++i) *out++ = image.pixels[i * step + std::min(channel, step - 1)];
    }
    return data;
  }

 private:
  fs::path first_;
  int width_ = 0, height_ = 0;
  bool colour_ = false;
  std::vector<Image> images_;
  std::vector<std::int32_t> labels_;
};

void check_test_classes(const fs::path& folder, const std::vector<std::string>& classes) {
  for (const std::string& name : classes_in(folder))
    if (!std::ranges::binary_search(classes, name))
      fail("{}: the class '{}' has test images, but no training images", folder.string(), name);
}

}  // namespace

bool is_image_folder(const fs::path& folder) {
  return fs::is_directory(folder) && (!classes_in(folder / "train").empty() || !classes_in(folder).empty());
}

DatasetSplits load_image_folder(const fs::path& folder, const LoadOptions& options) {
  const std::vector<std::string> classes = classes_in(folder / "train");
  const std::string name = data_name(folder);
  ImageStack train;
  if (classes.empty()) {
    const std::vector<std::string> all = classes_in(folder);
    for (const Sample& sample : samples_in(folder, all, options.seed)) train.add(sample);
    return split_at_random(train.finish(name, all, train.has_colour()), options);
  }
  const std::vector<Sample> to_train = samples_in(folder / "train", classes, options.seed);
  check_test_classes(folder / "test", classes);
  const std::vector<Sample> to_test = samples_in(folder / "test", classes, options.seed);
  if (to_test.empty()) fail("{}: no test images: put them into test/CLASS/*.png", folder.string());
  for (const Sample& sample : to_train) train.add(sample);
  ImageStack test = train.alike();
  for (const Sample& sample : to_test) test.add(sample);
  const bool colour = train.has_colour() || test.has_colour();
  return with_validation(train.finish(name, classes, colour), test.finish(name, classes, colour), options);
}

}  // namespace weft::training
