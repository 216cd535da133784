// The C code of an artefact reads headers and writes them; this file moves the tensors.
#include "runtime/safetensors.h"

#include <algorithm>
#include <bit>
#include <new>

#include "ir/error.h"
#include "runtime/artefact/model.h"

// In the order of their translation unit (runtime/CMakeLists.txt).
// clang-format off
#include "runtime/artefact/files/error.c"
#include "runtime/artefact/files/text.c"
#include "runtime/artefact/files/json.c"
#include "runtime/artefact/files/file.c"
#include "runtime/artefact/files/types.c"
#include "runtime/artefact/files/checksum.c"
#include "runtime/artefact/files/safetensors_read.c"
#include "runtime/artefact/files/safetensors_write.c"
// clang-format on

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian and is copied unchanged");
static_assert(int(weft::ir::DType::boolean) == WEFT_BOOL && int(weft::ir::DType::i32) == WEFT_I32);

namespace weft::runtime {

namespace fs = std::filesystem;

namespace {

constexpr const char* kMetadataKey = "__metadata__";
constexpr const char* kChecksumsKey = "crc32";  // in the metadata

void need(int code, const weft_error& error) {
  if (code == WEFT_NO_MEMORY) throw std::bad_alloc();
  if (code != WEFT_OK) fail("{}", error.text);
}

struct File : weft_file {
  explicit File(const std::string& name) : weft_file{} {
    weft_error error{};
    const int code = weft_open_file(this, name.c_str(), &error);
    if (code != WEFT_OK) weft_close(this);
    need(code, error);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { weft_close(this); }
};

// A text that the C code writes to.
struct Text : weft_text {
  Text() : weft_text{} {}
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text() { free(data); }
  std::string str() const {
    if (failed) throw std::bad_alloc();
    return {data, size};
  }
};

void check_text(const fs::path& path, const std::string& text) {
  std::uint32_t code = 0;
  for (const auto* at = reinterpret_cast<const unsigned char*>(text.c_str()); *at;) {
    const std::size_t bytes = weft_utf8(at, &code);
    if (bytes == 0) fail("cannot write {}: a tensor name or a metadata text is not UTF-8", path.string());
    at += bytes;
  }
  if (text.find('\0') != std::string::npos)
    fail("cannot write {}: a tensor name or a metadata text holds the character 0", path.string());
}

void check_tensor(const fs::path& path, const std::string& name, const HostTensor& tensor) {
  check_text(path, name);
  if (name == kMetadataKey) fail("cannot write {}: the tensor name {} is reserved", path.string(), kMetadataKey);
  const auto expected = static_cast<std::size_t>(tensor.elements()) * ir::size_of(tensor.dtype);
  if (tensor.bytes.size() != expected) {
    fail("cannot write {}: tensor '{}' is {}, which takes {} bytes, but holds {}", path.string(), name,
         to_string(tensor), expected, tensor.bytes.size());
  }
}

std::vector<weft_pair> pairs_of(const Metadata& metadata) {
  std::vector<weft_pair> pairs;
  for (const auto& [key, value] : metadata) pairs.push_back({key.c_str(), value.c_str()});
  return pairs;
}

// In the order of the file; each index counts in `tensors`.
std::vector<weft_file_tensor> entries_of(const std::vector<const NamedTensors::value_type*>& tensors) {
  std::vector<weft_file_tensor> entries;
  for (const auto* named : tensors) {
    const auto& [name, tensor] = *named;
    entries.push_back({name.c_str(), weft_row_of(weft_dtype(tensor.dtype))->name, int(tensor.shape.size()),
                       tensor.shape.data(), std::uint64_t(tensor.elements()), 0, 0, 0, entries.size()});
  }
  weft_arrange(entries.data(), entries.size());
  return entries;
}

}  // namespace

std::uint32_t crc32(const void* data, std::size_t size) { return weft_crc32(data, size, 0); }

TensorFile read_safetensors(const fs::path& path) {
  const std::string name = path.string();
  const File file(name);
  TensorFile result;
  for (const weft_pair& pair : std::span(static_cast<const weft_pair*>(file.metadata.items), file.metadata.count))
    result.metadata.emplace(pair.key, pair.value);
  result.metadata.erase(kChecksumsKey);
  for (const weft_file_tensor& entry : std::span(weft_file_tensors(&file), file.tensors.count)) {
    weft_error error{};
    HostTensor tensor =
        HostTensor::zeros(ir::DType(weft_find_dtype(entry.dtype)->dtype), {entry.dims, entry.dims + entry.rank});
    need(weft_read_values(&file, &entry, tensor.bytes.data(), &error), error);
    result.tensors.emplace(entry.name, std::move(tensor));
  }
  return result;
}

void write_safetensors(const fs::path& path, const NamedTensors& tensors, const Metadata& metadata,
                       WriteOptions options) {
  if (metadata.contains(kChecksumsKey))
    fail("cannot write {}: the metadata {} is reserved", path.string(), kChecksumsKey);
  std::vector<const NamedTensors::value_type*> listed;
  for (const auto& named : tensors) {
    check_tensor(path, named.first, named.second);
    listed.push_back(&named);
  }
  std::vector<weft_file_tensor> entries = entries_of(listed);
  Metadata written = metadata;
  for (const auto& [key, value] : metadata) check_text(path, key), check_text(path, value);
  if (options.checksums == Checksums::crc32) {
    for (weft_file_tensor& entry : entries) {
      const auto& bytes = listed[entry.index]->second.bytes;
      entry.checksum = crc32(bytes.data(), bytes.size());
    }
    Text sums;
    const std::vector<weft_pair> pairs = pairs_of(metadata);
    weft_append_checksums(&sums, pairs.data(), pairs.size(), entries.data(), entries.size());
    written[kChecksumsKey] = sums.str();
  }
  Text header;
  const std::vector<weft_pair> pairs = pairs_of(written);
  weft_append_header(&header, pairs.data(), pairs.size(), entries.data(), entries.size());
  const std::string text = header.str();

  AtomicFile file(path, options.links);
  const std::uint64_t length = text.size();
  file.write(&length, sizeof length);
  file.write(text);
  for (const weft_file_tensor& entry : entries) {
    const auto& bytes = listed[entry.index]->second.bytes;
    file.write(bytes.data(), bytes.size());
  }
  file.commit();
}

}  // namespace weft::runtime
