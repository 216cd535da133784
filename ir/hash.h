// The hash FNV-1a of 64 bits (Fowler, Noll & Vo): the names of caches, the interface of artefacts, the streams that
// parameters start from. Its values are in files, so it stays as it is; runtime/artefact/weights.c has it in C.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft {

inline constexpr std::uint64_t kFnv1aStart = 0xcbf29ce484222325;

// Goes on from `hash`: the hash of two texts in a row is fnv1a(second, fnv1a(first)).
constexpr std::uint64_t fnv1a(std::string_view bytes, std::uint64_t hash = kFnv1aStart) {
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return hash;
}

}  // namespace weft
