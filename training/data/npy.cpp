// The header of a .npy file is a Python dict in ASCII, padded with blanks to a multiple of 64 bytes.
#include "training/data/npy.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include "ir/error.h"
#include "ir/visible.h"
#include "runtime/atomic_file.h"

namespace weft::training {

namespace fs = std::filesystem;
using ir::DType;
using runtime::HostTensor;

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
static_assert(std::endian::native == std::endian::little);

struct Header {
  std::string descr;  // "<f4"
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
  std::size_t end = 0;  // where the data begins
};

class HeaderReader {
 public:
  HeaderReader(const fs::path& path, std::string_view bytes) : path_(path), bytes_(bytes) {}

  Header read() {
    if (!bytes_.starts_with(kMagic)) fail("{}: not a .npy file", path_.string());
    if (bytes_.size() < 12) fail_damaged();
    const int version = static_cast<unsigned char>(bytes_[6]);
    if (version < 1 || version > 3)
      fail("{}: .npy version {}; Weft reads versions 1, 2 and 3", path_.string(), version);
    const std::size_t length_bytes = version == 1 ? 2 : 4;
    std::uint32_t length = 0;
    std::memcpy(&length, bytes_.data() + 8, length_bytes);
    Header header;
    header.end = 8 + length_bytes + length;
    if (header.end > bytes_.size()) fail_damaged();
    text_ = bytes_.substr(8 + length_bytes, length);
    header.descr = quoted(after("'descr':"));
    header.fortran_order = after("'fortran_order':").starts_with("True");
    header.shape = numbers(after("'shape':"));
    return header;
  }

 private:
  [[noreturn]] void fail_damaged() const {
    fail("{}: its header is truncated or damaged; save the array again", path_.string());
  }

  std::string_view after(std::string_view key) const {
    const std::size_t found = text_.find(key);
    if (found == std::string_view::npos) fail_damaged();
    const std::size_t begin = text_.find_first_not_of(' ', found + key.size());
    if (begin == std::string_view::npos) fail_damaged();
    return text_.substr(begin);
  }

  std::string quoted(std::string_view text) const {
    if (text.front() == '[') fail("{}: holds records of several fields; save one array of numbers", path_.string());
    const std::size_t end = text.find(text.front(), 1);
    if (end == std::string_view::npos) fail_damaged();
    return std::string(text.substr(1, end - 1));
  }

  std::vector<std::int64_t> numbers(std::string_view text) const {
    const std::size_t close = text.find(')');
    if (text.front() != '(' || close == std::string_view::npos) fail_damaged();
    std::vector<std::int64_t> found;
    for (text = text.substr(1, close - 1); !text.empty();) {
      const std::size_t begin = text.find_first_not_of(" ,");
      if (begin == std::string_view::npos) break;
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data() + begin, text.data() + text.size(), number);
      if (error != std::errc() || number < 0) fail_damaged();
      found.push_back(number);
      text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    }
    return found;
  }

  fs::path path_;
  std::string_view bytes_;
  std::string_view text_;
};

// Fills the tensor with elements of type From, converted by `convert`.
template <typename From, typename To>
void convert_into(HostTensor& tensor, const char* data, To (*convert)(From)) {
  for (To& out : tensor.as<To>()) {
    From element;
    std::memcpy(&element, data, sizeof element);
    out = convert(element);
    data += sizeof element;
  }
}

struct Element {
  const char* descr;
  DType dtype;
  std::size_t size;
};
constexpr Element kElements[] = {{"|u1", DType::u8, 1},
                                 {"<f4", DType::f32, 4},
                                 {"<f8", DType::f32, 8},
                                 {"<i4", DType::i32, 4},
                                 {"<i8", DType::i32, 8}};

const Element& element_of(const Header& header, const fs::path& path) {
  for (const Element& each : kElements)
    if (header.descr == each.descr || (header.descr == "<u1" && each.dtype == DType::u8)) return each;
  if (header.descr.starts_with('>'))
    fail("{}: its elements are big-endian ({}); save it with array.astype('{}')", path.string(), brief(header.descr),
         brief("<" + header.descr.substr(1)));
  fail("{}: its elements are of type {}; Weft reads u1, f4, f8, i4 and i8: save it with array.astype('f4')",
       path.string(), brief(header.descr));
}

void check_range(const fs::path& path, std::span<const std::byte> bytes) {
  for (std::size_t begin = 0; begin < bytes.size(); begin += 8) {
    std::int64_t number = 0;
    std::memcpy(&number, bytes.data() + begin, sizeof number);
    if (number != static_cast<std::int32_t>(number))
      fail("{}: element {} is {}, beyond 32 bits", path.string(), begin / 8, number);
  }
}

}  // namespace

HostTensor read_npy(const fs::path& path) {
  const std::string bytes = runtime::read_file(path);
  const Header header = HeaderReader(path, bytes).read();
  const Element& element = element_of(header, path);
  if (header.fortran_order && header.shape.size() > 1)
    fail("{}: stored column by column (Fortran order); save it with numpy.ascontiguousarray(array)", path.string());
  const auto count = static_cast<std::size_t>(runtime::element_count(header.shape));
  if (count > bytes.size() || bytes.size() - header.end != count * element.size)
    fail("{}: its header announces [{}] of {} ({} bytes), but {} follow; it is truncated or damaged: save it again",
         path.string(), brief(fmt::format("{}", fmt::join(header.shape, ","))), header.descr, count * element.size,
         bytes.size() - header.end);
  HostTensor tensor = HostTensor::zeros(element.dtype, header.shape);
  const char* data = bytes.data() + header.end;
  if (header.descr == "<f8") {
    convert_into<double, float>(tensor, data, [](double value) { return static_cast<float>(value); });
  } else if (header.descr == "<i8") {
    check_range(path, std::as_bytes(std::span(data, count * 8)));
    convert_into<std::int64_t, std::int32_t>(tensor, data,
                                             [](std::int64_t value) { return static_cast<std::int32_t>(value); });
  } else {
    std::memcpy(tensor.bytes.data(), data, tensor.bytes.size());
  }
  return tensor;
}

std::string encode_npy(const HostTensor& tensor) {
  const auto* element =
      std::ranges::find_if(kElements, [&](const Element& each) { return each.dtype == tensor.dtype; });
  if (element == std::end(kElements)) fail("Weft does not write .npy files of {}", to_string(tensor));
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", element->descr,
                                   fmt::join(tensor.shape, ", "), tensor.shape.size() == 1 ? "," : "");
  constexpr std::size_t border = 64, before = 10;
  header.append(border - (before + header.size() + 1) % border, ' ');
  header += '\n';
  std::string bytes(kMagic);
  bytes += {'\x01', '\x00', static_cast<char>(header.size() & 255), static_cast<char>(header.size() >> 8)};
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  return bytes;
}

void write_npy(const fs::path& path, const HostTensor& tensor) { runtime::write_file(path, encode_npy(tensor)); }

}  // namespace weft::training
