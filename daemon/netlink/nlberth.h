/* Berths: the buffers of parcels that JavaScript has a socket's thread send. */
#ifndef CFN_NLBERTH_H
#define CFN_NLBERTH_H
#include "addon.h"
#include "nlsender.h"

/* What posted parcels are made of, looked up once and kept alive by the references. */
enum { BERTHS = 8 };
typedef struct {
  Parcel parcel;
  size_t out_size, most;    /* most portions */
  napi_ref out_ref, in_ref, portions_ref;
  int posted;
} Berth;

/* Ends the thread of a socket that closes, if it has one, and lets go of what its berths keep. */
struct Socket;
void clear_berths(struct Socket *);
#endif
