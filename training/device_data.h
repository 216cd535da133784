// The tables of data sets, in memory where programs can read them: the host's own where that will do, else a copy.
#pragma once

#include <map>
#include <memory>
#include <utility>

#include "runtime/host_tensor.h"
#include "runtime/memory.h"
#include "training/data/dataset.h"

namespace weft::training {

class DeviceData {
 public:
  explicit DeviceData(std::shared_ptr<runtime::Memory> space) : space_(std::move(space)) {}

  // Stays valid, and what was copied is not looked at again, until `drop`.
  void* of(const runtime::HostTensor& tensor);
  // Gives the copies of a data set back: the next use of that memory copies what is in it then.
  void drop(const Dataset& data);

 private:
  std::shared_ptr<runtime::Memory> space_;
  std::map<const std::byte*, std::shared_ptr<void>> copies_;  // by where the tensor lies
};

// Drops the copies of a data set that is used once.
class ScopedDeviceData {
 public:
  ScopedDeviceData(DeviceData& tables, const Dataset& data) : device_data_(tables), data_(data) {}
  ~ScopedDeviceData() { device_data_.drop(data_); }
  ScopedDeviceData(const ScopedDeviceData&) = delete;
  ScopedDeviceData& operator=(const ScopedDeviceData&) = delete;

 private:
  DeviceData& device_data_;
  const Dataset& data_;
};

}  // namespace weft::training
