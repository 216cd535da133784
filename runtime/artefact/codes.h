/* Return codes of an artefact's functions. */
#ifndef WEFT_ARTEFACT_CODES_H
#define WEFT_ARTEFACT_CODES_H

enum {
  WEFT_OK = 0,
  WEFT_BAD_ARGUMENT = 1,  /* an invalid argument; nothing was done */
  WEFT_BAD_FILE = 2,      /* a file that cannot be read or written, or is damaged */
  WEFT_WRONG_WEIGHTS = 3, /* an intact file with the weights of another model */
  WEFT_WRONG_VERSION = 4, /* header, library and manifest come from different compiles */
  WEFT_WRONG_CPU = 5,     /* this cpu lacks features that the code was compiled for */
  WEFT_NO_MEMORY = 6,
  WEFT_FAILED = 7, /* a library or a device failed during the run */
  WEFT_BUSY = 8    /* another thread was using the model; nothing was done */
};

#endif
