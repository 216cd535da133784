// Sizes, allocation and error texts of HostTensor.
#include "runtime/host_tensor.h"

#include <fmt/ranges.h>

#include "ir/error.h"

namespace weft::runtime {

std::int64_t element_count(std::span<const std::int64_t> shape) {
  constexpr std::int64_t limit = std::int64_t{1} << 62;
  std::int64_t count = 1;
  bool empty = false;
  for (const std::int64_t dim : shape) {
    if (dim < 0) fail("shape [{}] has a negative dim", fmt::join(shape, ","));
    if (dim == 0) {
      empty = true;
    } else if (count > limit / dim) {
      fail("shape [{}] has too many elements to address", fmt::join(shape, ","));
    } else {
      count *= dim;
    }
  }
  return empty ? 0 : count;
}

HostTensor HostTensor::zeros(ir::DType dtype, std::vector<std::int64_t> shape) {
  HostTensor tensor{dtype, std::move(shape), {}};
  tensor.bytes.resize(static_cast<std::size_t>(tensor.elements()) * ir::size_of(dtype));
  return tensor;
}

std::string to_string(const HostTensor& tensor) {
  return fmt::format("{}[{}]", ir::name(tensor.dtype), fmt::join(tensor.shape, ","));
}

namespace detail {

void fail_access(const HostTensor& tensor, std::size_t element_size) {
  fail("tensor {} was read as elements of another type ({} bytes each)", to_string(tensor), element_size);
}

void fail_count(const HostTensor& tensor, std::size_t given) {
  fail("tensor {} takes {} values, but {} were given", to_string(tensor), tensor.elements(), given);
}

}  // namespace detail

}  // namespace weft::runtime
