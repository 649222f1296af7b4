// What programs at traffic-control hooks find and may call (include/uapi/linux/bpf.h).

/** struct __sk_buff. */
export const SKB = { length: 0, mark: 8, protocol: 16, index: 44, data: 76, dataEnd: 80 } as const;

export const ETHERNET_OCTETS = 14;

/** htons(ETH_P_*), read on a little-endian machine. */
export const EtherType = { ipv4: 0x0008, ipv6: 0xdd86 } as const;

export const Helper = { mapLookup: 1, mapUpdate: 2, mapDelete: 3, loadOctets: 26, coarseTime: 160 } as const;

/** TCX_NEXT: other programs, then the stack. */
export const GO_ON = -1;
