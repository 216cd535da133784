// Layout: u64 little-endian length N of the header, N bytes of JSON (padded with spaces to 8), then the data.
// {"__metadata__": {..}, "name": {"dtype": "F32", "shape": [2,3], "data_offsets": [begin, end]}}; offsets count from
// the first byte of the data, which the tensors cover without holes or overlaps.
#include "runtime/safetensors.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <tuple>

#include "ir/error.h"
#include "ir/visible.h"
#include "runtime/checksum.h"
#include "runtime/json_text.h"

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian and is copied unchanged");

namespace weft::runtime {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kLongestHeader = 100'000'000;  // the limit of the reference reader
constexpr const char* kMetadataKey = "__metadata__";
constexpr const char* kChecksumsKey = "crc32";  // in the metadata

struct DTypeName {
  ir::DType dtype;
  const char* name;
};
// In the order of the reference writer: widest first, so that every tensor of a file is aligned to its elements.
constexpr DTypeName kDtypeNames[] = {{ir::DType::f32, "F32"}, {ir::DType::i32, "I32"}, {ir::DType::bf16, "BF16"},
                                     {ir::DType::f16, "F16"}, {ir::DType::u8, "U8"},   {ir::DType::boolean, "BOOL"}};

std::size_t rank_of(ir::DType dtype) {
  const auto* row = std::ranges::find(kDtypeNames, dtype, &DTypeName::dtype);
  return static_cast<std::size_t>(row - std::begin(kDtypeNames));
}

struct Entry {
  std::string name;
  ir::DType dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin;
  std::uint64_t end;
};

std::uint32_t sum_of_pair(const std::string& key, const std::string& text) {
  return crc32(text.c_str(), text.size() + 1, crc32(key.c_str(), key.size() + 1));
}

// The sum over all pairs, independent of their order.
std::uint32_t header_sum(const Metadata& metadata, const NamedTensors& tensors) {
  std::uint32_t sum = 0;
  for (const auto& [key, text] : metadata) sum += sum_of_pair(key, text);
  for (const auto& [name, tensor] : tensors) sum += sum_of_pair(name, kDtypeNames[rank_of(tensor.dtype)].name);
  return sum;
}

class Reader {
 public:
  explicit Reader(const fs::path& path) : path_(path) {}

  TensorFile read() {
    open();
    const json header = parse_header(read_header());
    TensorFile file;
    std::vector<Entry> entries;
    for (const auto& [name, value] : header.items()) {
      if (name == kMetadataKey) {
        file.metadata = metadata_of(value);
      } else {
        entries.push_back(entry_of(name, value));
      }
    }
    check_coverage(entries);
    for (const Entry& entry : entries) file.tensors.emplace(entry.name, read_tensor(entry));
    check_sums(file, entries);
    return file;
  }

 private:
  template <typename... Args>
  [[noreturn]] void damaged(fmt::format_string<Args...> format, Args&&... args) const {
    fail("{}: {}; the file is damaged or not a safetensors file: write it again or name another", path_.string(),
         fmt::format(format, std::forward<Args>(args)...));
  }

  void open() {
    std::error_code error;
    if (fs::is_directory(path_, error)) fail("cannot read {}: it is a folder, not a safetensors file", path_.string());
    stream_.open(path_, std::ios::binary);
    if (!stream_) fail("cannot open {}: {}; check the name", path_.string(), std::strerror(errno));
    stream_.seekg(0, std::ios::end);
    file_bytes_ = static_cast<std::uint64_t>(stream_.tellg());
    stream_.seekg(0);
  }

  void read_bytes(void* target, std::uint64_t size) {
    stream_.read(static_cast<char*>(target), static_cast<std::streamsize>(size));
    if (!stream_) fail("cannot read {}: {}", path_.string(), std::strerror(errno));
  }

  std::string read_header() {
    if (file_bytes_ < kLengthBytes) damaged("it holds {} bytes, less than the 8 of a header length", file_bytes_);
    std::uint64_t length = 0;
    read_bytes(&length, kLengthBytes);
    if (length > kLongestHeader) damaged("its header claims {} bytes, the limit is {}", length, kLongestHeader);
    if (length > file_bytes_ - kLengthBytes) {
      damaged("its header claims {} bytes, but only {} follow", length, file_bytes_ - kLengthBytes);
    }
    data_bytes_ = file_bytes_ - kLengthBytes - length;
    std::string header(length, '\0');
    read_bytes(header.data(), length);
    if (header.empty() || header[0] != '{') damaged("its header does not begin with '{{'");
    return header;
  }

  json parse_header(const std::string& text) const {
    try {
      return parse_json<json>(text);  // an object: it begins with '{'
    } catch (const Error& error) {
      damaged("its header is not JSON ({})", error.what());
    }
  }

  Metadata metadata_of(const json& value) const {
    if (!value.is_object()) damaged("{} is not a JSON object", kMetadataKey);
    Metadata metadata;
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) damaged("{} '{}' is not a string", kMetadataKey, brief(key));
      metadata.emplace(key, text.get<std::string>());
    }
    return metadata;
  }

  Entry entry_of(const std::string& name, const json& value) const {
    if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") || !value.contains("data_offsets")) {
      damaged("tensor '{}' lacks dtype, shape or data_offsets", brief(name));
    }
    Entry entry{name, dtype_of(name, value["dtype"]), {}, 0, 0};
    for (const std::uint64_t dim : numbers_of(name, "shape", value["shape"])) {
      entry.shape.push_back(static_cast<std::int64_t>(dim));
    }
    const std::vector<std::uint64_t> offsets = numbers_of(name, "data_offsets", value["data_offsets"]);
    if (offsets.size() != 2) damaged("tensor '{}' has {} data_offsets in place of 2", brief(name), offsets.size());
    entry.begin = offsets[0];
    entry.end = offsets[1];
    if (entry.begin > entry.end || entry.end > data_bytes_) {
      damaged("tensor '{}' lies at bytes {} to {}, but the file has {} bytes of data", brief(name), entry.begin,
              entry.end, data_bytes_);
    }
    check_size(entry);
    return entry;
  }

  ir::DType dtype_of(const std::string& name, const json& value) const {
    for (const DTypeName& row : kDtypeNames) {
      if (value == row.name) return row.dtype;
    }
    fail("{}: tensor '{}' has dtype {}, which Weft does not read (F32, I32, BF16, F16, U8, BOOL); convert it first",
         path_.string(), brief(name), brief_json(value));
  }

  std::vector<std::uint64_t> numbers_of(const std::string& name, const char* field, const json& value) const {
    constexpr std::uint64_t most = std::uint64_t{1} << 62;
    if (!value.is_array()) damaged("{} of tensor '{}' is not a list", field, brief(name));
    std::vector<std::uint64_t> numbers;
    for (const json& item : value) {
      if (!item.is_number_unsigned() || item.get<std::uint64_t>() > most) {
        damaged("{} of tensor '{}' holds {}, not a count", field, brief(name), brief_json(item));
      }
      numbers.push_back(item.get<std::uint64_t>());
    }
    return numbers;
  }

  void check_size(const Entry& entry) const {
    std::uint64_t elements = 0;
    try {
      elements = static_cast<std::uint64_t>(element_count(entry.shape));
    } catch (const Error& error) {
      damaged("tensor '{}': {}", brief(entry.name), error.what());
    }
    const std::uint64_t size = entry.end - entry.begin;
    const std::uint64_t width = ir::size_of(entry.dtype);
    if (size % width != 0 || size / width != elements) {
      damaged("tensor '{}' is {}, which takes {} elements of {} bytes, but it lies in {} bytes", brief(entry.name),
              to_string(HostTensor{entry.dtype, entry.shape, {}}), elements, width, size);
    }
  }

  // Sorts by position in the file, which also makes the reads sequential.
  void check_coverage(std::vector<Entry>& entries) const {
    std::ranges::sort(
        entries, [](const Entry& a, const Entry& b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
    std::uint64_t covered = 0;
    for (const Entry& entry : entries) {
      if (entry.begin < covered) damaged("tensor '{}' overlaps the tensor before it", brief(entry.name));
      if (entry.begin > covered) damaged("bytes {} to {} belong to no tensor", covered, entry.begin);
      covered = entry.end;
    }
    if (covered < data_bytes_) damaged("bytes {} to {} belong to no tensor", covered, data_bytes_);
  }

  HostTensor read_tensor(const Entry& entry) {
    HostTensor tensor = HostTensor::zeros(entry.dtype, entry.shape);
    read_bytes(tensor.bytes.data(), tensor.bytes.size());
    return tensor;
  }

  // `entries` are sorted by position.
  void check_sums(TensorFile& file, const std::vector<Entry>& entries) const {
    const auto found = file.metadata.extract(kChecksumsKey);
    if (!found) return;
    std::istringstream words(found.mapped());
    std::string word;
    const auto is_next = [&](std::uint32_t sum) { return words >> word && word == fmt::format("{:08x}", sum); };
    if (!is_next(header_sum(file.metadata, file.tensors)))
      damaged("its header is not what was written (its checksum differs)");
    for (const Entry& entry : entries) {
      const HostTensor& tensor = file.tensors.at(entry.name);
      if (!tensor.bytes.empty() && !is_next(crc32(tensor.bytes.data(), tensor.bytes.size())))
        damaged("tensor '{}' is not what was written (its checksum differs)", entry.name);
    }
    if (words >> word) damaged("it has more checksums than tensors");
  }

  fs::path path_;
  std::ifstream stream_;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t data_bytes_ = 0;
};

// In the order of the reference writer: widest elements first, then by name.
std::vector<const NamedTensors::value_type*> in_file_order(const NamedTensors& tensors) {
  std::vector<const NamedTensors::value_type*> order;
  for (const auto& named : tensors) order.push_back(&named);
  std::ranges::stable_sort(order, {}, [](const auto* named) { return rank_of(named->second.dtype); });
  return order;
}

std::string checksums_of(const Metadata& metadata, const NamedTensors& tensors,
                         const std::vector<const NamedTensors::value_type*>& order) {
  std::string text = fmt::format("{:08x}", header_sum(metadata, tensors));
  for (const auto* named : order)
    if (const auto& bytes = named->second.bytes; !bytes.empty())
      text += fmt::format(" {:08x}", crc32(bytes.data(), bytes.size()));
  return text;
}

void check_tensor(const fs::path& path, const std::string& name, const HostTensor& tensor) {
  if (name == kMetadataKey) fail("cannot write {}: the tensor name {} is reserved", path.string(), kMetadataKey);
  const auto expected = static_cast<std::size_t>(tensor.elements()) * ir::size_of(tensor.dtype);
  if (tensor.bytes.size() != expected) {
    fail("cannot write {}: tensor '{}' is {}, which takes {} bytes, but holds {}", path.string(), name,
         to_string(tensor), expected, tensor.bytes.size());
  }
}

}  // namespace

TensorFile read_safetensors(const fs::path& path) { return Reader(path).read(); }

void write_safetensors(const fs::path& path, const NamedTensors& tensors, const Metadata& metadata,
                       WriteOptions options) {
  if (metadata.contains(kChecksumsKey))
    fail("cannot write {}: the metadata {} is reserved", path.string(), kChecksumsKey);
  const auto order = in_file_order(tensors);
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  Metadata written = metadata;
  if (options.checksums == Checksums::crc32) written[kChecksumsKey] = checksums_of(metadata, tensors, order);
  if (!written.empty()) header[kMetadataKey] = written;
  std::uint64_t offset = 0;
  for (const auto* named : order) {
    const auto& [name, tensor] = *named;
    check_tensor(path, name, tensor);
    header[name] = {{"dtype", kDtypeNames[rank_of(tensor.dtype)].name},
                    {"shape", tensor.shape},
                    {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception& error) {
    fail("cannot write {}: a tensor name or a metadata text is not UTF-8 ({})", path.string(), json_reason(error));
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data starts at an 8-byte boundary

  AtomicFile file(path, options.links);
  const std::uint64_t length = text.size();
  file.write(&length, kLengthBytes);
  file.write(text);
  for (const auto* named : order) file.write(named->second.bytes.data(), named->second.bytes.size());
  file.commit();
}

}  // namespace weft::runtime
