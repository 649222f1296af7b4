/* The addon nlsock.node: a raw AF_NETLINK socket for Node.js, bpf(2), and the one call that limits capabilities: framing,
 * attributes, sequence numbers and policy are in TypeScript.
 * Built by scripts/build-native against npm's node-api-headers, Node-API 8, so one binary serves every Node >= 20. */
#include "addon.h"

NAPI_MODULE_INIT() {
  static const struct { const char *name; napi_callback function; } functions[] = {
    {"open", Open}, {"poll", Poll}, {"ref", Ref}, {"send", Send}, {"recv", Recv}, {"attach", Attach}, {"exchange", Exchange},
    {"wait", Wait}, {"dispatch", Dispatch}, {"berth", BerthCall}, {"post", Post}, {"answered", Answered}, {"setopt", Setopt},
    {"filter", Filter}, {"port", Port}, {"close", Close}, {"limit", Limit}, {"bpf", Bpf}, {"closefd", CloseDescriptor},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value f;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &f);
    napi_set_named_property(env, exports, functions[i].name, f);
  }
  return exports;
}
