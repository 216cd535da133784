/* CRC-32 of ISO 3309, as in zip, PNG and gzip, eight bytes at once. */
#include "runtime/artefact/model.h"

/* `before` is the checksum of the preceding bytes, or 0 at the start. */
static uint32_t weft_crc32(const void* data, size_t size, uint32_t before) {
  uint32_t table[8][256]; /* effect of a byte followed by 0 to 7 more bytes; built in a few microseconds */
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t sum = byte;
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ (sum & 1 ? UINT32_C(0xEDB88320) : 0);
    table[0][byte] = sum;
  }
  for (int after = 1; after < 8; ++after)
    for (int byte = 0; byte < 256; ++byte)
      table[after][byte] = table[after - 1][byte] >> 8 ^ table[0][table[after - 1][byte] & 255];

  const unsigned char* next = (const unsigned char*)data;
  uint32_t sum = ~before;
  for (; size >= 8; size -= 8, next += 8) {
    const uint32_t low =
        sum ^ ((uint32_t)next[0] | (uint32_t)next[1] << 8 | (uint32_t)next[2] << 16 | (uint32_t)next[3] << 24);
    sum = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24] ^
          table[3][next[4]] ^ table[2][next[5]] ^ table[1][next[6]] ^ table[0][next[7]];
  }
  while (size-- > 0) sum = sum >> 8 ^ table[0][(sum ^ *next++) & 255];
  return ~sum;
}
