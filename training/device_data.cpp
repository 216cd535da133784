// Copies each data set to the device once.
#include "training/device_data.h"

namespace weft::training {

void* DeviceData::of(const runtime::HostTensor& tensor) {
  const std::byte* data = tensor.bytes.data();
  if (space_->is_host()) return const_cast<std::byte*>(data);  // programs only read it
  std::shared_ptr<void>& copy = copies_[data];
  if (!copy) {
    copy = space_->allocate(tensor.bytes.size());
    space_->write(copy.get(), data, tensor.bytes.size());
  }
  return copy.get();
}

void DeviceData::drop(const Dataset& data) {
  copies_.erase(data.samples.bytes.data());
  copies_.erase(data.labels.bytes.data());
}

}  // namespace weft::training
