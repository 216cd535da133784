// The IDX reader.
#include "training/data/idx.h"

#include <algorithm>
#include <array>

#include "ir/error.h"
#include "training/data/gzip.h"

namespace weft::training {

namespace fs = std::filesystem;
using runtime::HostTensor;

namespace {

constexpr const char* kDownloadAgain = "download the file again";
constexpr int kMostDims = 8;

class IdxFile {
 public:
  explicit IdxFile(const fs::path& path) : file_(path), path_(path) {}

  HostTensor read() {
    std::vector<std::int64_t> shape = read_shape();
    const std::int64_t size = runtime::element_count(shape);
    HostTensor tensor{ir::DType::u8, std::move(shape), {}};
    read_data(tensor, static_cast<std::size_t>(size));
    std::byte extra{};
    if (file_.read_up_to(&extra, 1) != 0) {
      fail("{}: bytes follow the {} that its header announces; {}", path_.string(), size, kDownloadAgain);
    }
    return tensor;
  }

 private:
  void read_exactly(void* target, std::size_t size) {
    if (file_.read_up_to(target, size) != size) {
      fail("{}: the file ends inside its header; it is truncated or not IDX: {}", path_.string(), kDownloadAgain);
    }
  }

  std::vector<std::int64_t> read_shape() {
    constexpr unsigned char unsigned_byte = 0x08;
    std::array<unsigned char, 4> magic{};
    read_exactly(magic.data(), magic.size());
    const auto [zero0, zero1, type, rank] = magic;
    if (zero0 != 0 || zero1 != 0 || rank == 0 || rank > kMostDims) {
      fail("{}: not an IDX file: it begins with {:02x} {:02x} {:02x} {:02x}, not with 00 00 08 and the number of dims",
           path_.string(), zero0, zero1, type, rank);
    }
    if (type != unsigned_byte) {
      fail("{}: its elements have IDX type 0x{:02x}; Weft reads unsigned bytes (0x08): convert it first",
           path_.string(), type);
    }
    std::vector<std::int64_t> shape;
    for (int axis = 0; axis < rank; ++axis) {
      std::array<unsigned char, 4> dim{};
      read_exactly(dim.data(), dim.size());
      shape.push_back(std::int64_t{dim[0]} << 24 | dim[1] << 16 | dim[2] << 8 | dim[3]);
    }
    return shape;
  }

  // Reads in chunks that double in size: a damaged header may announce terabytes that the file does not hold.
  void read_data(HostTensor& tensor, std::size_t size) {
    while (tensor.bytes.size() < size) {
      const std::size_t done = tensor.bytes.size();
      const std::size_t chunk = std::clamp(done, std::size_t{1} << 16, std::size_t{8} << 20);
      const std::size_t wanted = std::min(chunk, size - done);
      tensor.bytes.resize(done + wanted);
      const std::size_t count = file_.read_up_to(tensor.bytes.data() + done, wanted);
      if (count < wanted) {
        fail("{}: its header announces {} ({} bytes), but only {} follow; it is truncated: {}", path_.string(),
             to_string(tensor), size, done + count, kDownloadAgain);
      }
    }
  }

  GzipReader file_;
  fs::path path_;
};

}  // namespace

HostTensor read_idx(const fs::path& path) { return IdxFile(path).read(); }

LabelledImages read_idx_pair(const fs::path& images_path, const fs::path& labels_path) {
  HostTensor images = read_idx(images_path);
  if (images.shape.size() != 3) {
    fail("{}: holds {}; images are [count, height, width]: check that images and labels are not swapped",
         images_path.string(), to_string(images));
  }
  const HostTensor bytes = read_idx(labels_path);
  if (bytes.shape.size() != 1) {
    fail("{}: holds {}; labels are [count]: check that images and labels are not swapped", labels_path.string(),
         to_string(bytes));
  }
  if (images.shape[0] != bytes.shape[0]) {
    fail("{} holds {} images, but {} holds {} labels; take both files from one data set", images_path.string(),
         images.shape[0], labels_path.string(), bytes.shape[0]);
  }
  if (images.elements() == 0) fail("{}: holds no images", images_path.string());
  images.shape.insert(images.shape.begin() + 1, 1);  // the channel
  HostTensor labels = HostTensor::zeros(ir::DType::i32, bytes.shape);
  std::ranges::copy(bytes.as<std::uint8_t>(), labels.as<std::int32_t>().begin());
  return {std::move(images), std::move(labels)};
}

}  // namespace weft::training
