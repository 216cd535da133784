// Neighbours along the last dim that a thread processes at once, in packs of up to 16 bytes. Internal to the emitter.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "backends/cuda/codegen/job.h"

namespace weft::cuda {

// The loads and stores of a loop over the numbers of a pack. Values that cannot be moved as packs are moved one by one.
class Packs {
 public:
  Packs(const Job& job, int size, Source& source, Values& values);

  // Loads what `roots` need along the dims of `available` and the last one, unless loaded already.
  void load(const std::vector<kernel::NodeId>& roots, kernel::DimSet available);
  // The loop: `body` sees each number k of the pack with the loads defined, and stores through `store`.
  template <typename Body>
  void for_each(const std::vector<const kernel::Store*>& stores, Body body) {
    open(stores);
    body();
    close(stores);
  }
  void store(const kernel::Store& store, const std::string& value);

 private:
  void open(const std::vector<const kernel::Store*>& stores);
  void close(const std::vector<const kernel::Store*>& stores);
  bool loads(const kernel::Node& node, kernel::DimSet available) const;

  const Job& job_;
  const kernel::Kernel& kernel_;
  int size_, lane_;
  Source& source_;
  Values& values_;
  std::vector<std::pair<kernel::NodeId, std::string>> loaded_;  // with the name of the pack
};

}  // namespace weft::cuda
