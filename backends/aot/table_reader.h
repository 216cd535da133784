// Reads the tables of an artefact (runtime/artefact/tables.h), for all backends.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "passes/plan/address.h"

extern "C" {
#include "runtime/artefact/tables.h"
}

namespace weft {

// The struct of the step's kind.
template <typename Table>
const Table& table_of(const weft_step& step) {
  return *static_cast<const Table*>(step.what);
}

template <std::size_t count>
std::array<std::int64_t, count> array_of(const std::int64_t (&values)[count]) {
  std::array<std::int64_t, count> result;
  std::copy_n(values, count, result.begin());
  return result;
}

inline std::vector<passes::Gap> gaps_of(const weft_fill_step& table) {
  std::vector<passes::Gap> gaps;
  for (int i = 0; i < table.gap_count; ++i) gaps.push_back({table.gaps[i].offset, table.gaps[i].bytes});
  return gaps;
}

// The fields that convolutions of all backends share.
template <typename Convolution>
Convolution convolution_of(const weft_convolution_step& table) {
  Convolution c;
  c.direction = typename Convolution::Direction(table.direction);
  c.x = array_of(table.x);
  c.w = array_of(table.w);
  c.y = array_of(table.y);
  c.stride = array_of(table.stride);
  c.padding = array_of(table.padding);
  c.dilation = array_of(table.dilation);
  c.groups = table.groups;
  c.channels_last = table.channels_last != 0;
  c.bias = table.bias != 0;
  c.activation = table.activation;
  return c;
}

// A backend's step with this body.
template <typename Step, typename StepBody>
Step step_of(const weft_step& table, StepBody body) {
  Step step{std::move(body), table.name};
  for (int i = 0; i < table.address_count; ++i) {
    const weft_address& address = table.addresses[i];
    step.addresses.push_back({passes::Address::Base(address.base), address.index, address.offset});
  }
  step.scratch_offset = table.scratch_offset;
  step.scratch_bytes = table.scratch_bytes;
  return step;
}

}  // namespace weft
