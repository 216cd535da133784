// Data sets in memory that programs can read: the host memory itself, or a copy on the device.
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

  // The pointer stays valid until `drop`. Changes of a copied tensor have no effect until then.
  void* of(const runtime::HostTensor& tensor);
  // Frees the copies of a data set; its next use copies it again.
  void drop(const Dataset& data);

 private:
  std::shared_ptr<runtime::Memory> space_;
  std::map<const std::byte*, std::shared_ptr<void>> copies_;  // by the address of the tensor's bytes
};

// Drops the copies of a data set at the end of the scope.
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
