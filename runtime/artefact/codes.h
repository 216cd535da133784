/* What the functions of an artefact return. */
#ifndef WEFT_ARTEFACT_CODES_H
#define WEFT_ARTEFACT_CODES_H

enum {
  WEFT_OK = 0,
  WEFT_BAD_ARGUMENT = 1,  /* an argument that the function does not take; nothing was done */
  WEFT_BAD_FILE = 2,      /* a file that cannot be read or written, or is damaged */
  WEFT_WRONG_WEIGHTS = 3, /* a sound file, but not of this model's weights */
  WEFT_WRONG_VERSION = 4, /* header, library and manifest are not of one compile */
  WEFT_WRONG_CPU = 5,     /* this cpu lacks what the code was compiled for */
  WEFT_NO_MEMORY = 6,
  WEFT_FAILED = 7, /* a library or a device failed as it ran */
  WEFT_BUSY = 8    /* another thread was using the model; nothing was done */
};

#endif
