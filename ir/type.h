// Types of values: element type and dims. A dim is a number or a multiple of a named symbol (`B`, `2*B`): a graph is
// batch-polymorphic until `bind` (ir/graph.h) gives every symbol a number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::ir {

enum class DType : std::uint8_t { f32, bf16, f16, i32, u8, boolean };
inline constexpr DType kDTypes[] = {DType::f32, DType::bf16, DType::f16, DType::i32, DType::u8, DType::boolean};

std::string_view name(DType dtype);  // "f32" ... "bool"
std::optional<DType> parse_dtype(std::string_view text);
std::size_t size_of(DType dtype);  // bytes per element
// Whether it has fewer bits than f32, so that a backend computes in f32 and rounds.
inline bool is_narrow_float(DType dtype) { return dtype == DType::bf16 || dtype == DType::f16; }
inline bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16; }

// `factor` if `symbol` is empty, else factor * symbol. Always > 0 once verified.
struct Dim {
  std::int64_t factor = 1;
  std::string symbol;

  Dim() = default;
  Dim(std::int64_t number)
      : factor(number) {}              // NOLINT(google-explicit-constructor): dims are written as plain numbers
  Dim(int number) : factor(number) {}  // NOLINT(google-explicit-constructor)
  explicit Dim(std::string name, std::int64_t times = 1) : factor(times), symbol(std::move(name)) {}

  bool is_number() const { return symbol.empty(); }
  bool is_one() const { return is_number() && factor == 1; }
  bool operator==(const Dim&) const = default;
};

using Dims = std::vector<Dim>;
using Bindings = std::map<std::string, std::int64_t>;  // symbol -> number

std::string to_string(const Dim& dim);
std::string to_string(const Dims& dims);                  // "[B,784]"
std::optional<Dim> add(const Dim& a, const Dim& b);       // if both are multiples of one symbol
std::optional<Dim> subtract(const Dim& a, const Dim& b);  // the same; may be 0
std::int64_t number(const Dim& dim);                      // throws InternalError on a symbol
Dims bind(const Dims& dims, const Bindings& bindings);    // throws Error if a symbol is not bound

struct Type {
  DType dtype = DType::f32;
  Dims dims;

  std::size_t rank() const { return dims.size(); }
  bool is_scalar() const { return dims.empty(); }
  bool is_static() const;         // every dim a number
  std::int64_t elements() const;  // is_static() only
  std::size_t bytes() const;      // is_static() only
  bool operator==(const Type&) const = default;
};

std::string to_string(const Type& type);  // "f32[B,784]"
inline Type f32(Dims dims) { return {DType::f32, std::move(dims)}; }
inline Type i32(Dims dims) { return {DType::i32, std::move(dims)}; }

// Whether both hold the same number of elements for all bindings (what `reshape` needs).
bool same_elements(const Dims& a, const Dims& b);
// The dims of the numpy broadcast of both, or nothing if they do not agree.
std::optional<Dims> broadcast(const Dims& a, const Dims& b);
std::vector<std::int64_t> numbers(const Dims& dims);  // throws InternalError on a symbol
// The strides, in elements, of a dense tensor whose last dim is the innermost.
std::vector<std::int64_t> row_major(const std::vector<std::int64_t>& dims);

}  // namespace weft::ir
