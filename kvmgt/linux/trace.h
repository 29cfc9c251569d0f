/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Events of trace system "gvt", which keeps the name it always had. The events
 * of the C GVT-g are about what vGPUs do (shadow page tables, interrupts, ...);
 * each comes, under its old name, with the code that it is about.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM gvt

#if !defined(_KVMGT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _KVMGT_TRACE_H

#include <linux/tracepoint.h>

/* kvmgt and a GPU's host half agreed on an interface. */
TRACE_EVENT(gvt_attach,
	TP_PROTO(const char *dev, unsigned int major, unsigned int minor,
		 unsigned long long features, unsigned int tracked,
		 unsigned int lacking),
	TP_ARGS(dev, major, minor, features, tracked, lacking),
	TP_STRUCT__entry(
		__string(dev, dev)
		__field(unsigned int, major)
		__field(unsigned int, minor)
		__field(unsigned long long, features)
		__field(unsigned int, tracked)
		__field(unsigned int, lacking)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->major = major;
		__entry->minor = minor;
		__entry->features = features;
		__entry->tracked = tracked;
		__entry->lacking = lacking;
	),
	TP_printk("%s interface %u.%u features 0x%llx tracked %u lacking %u",
		  __get_str(dev), __entry->major, __entry->minor,
		  __entry->features, __entry->tracked, __entry->lacking)
);

DECLARE_EVENT_CLASS(gvt_device,
	TP_PROTO(const char *dev),
	TP_ARGS(dev),
	TP_STRUCT__entry(
		__string(dev, dev)
	),
	TP_fast_assign(
		__assign_str(dev);
	),
	TP_printk("%s", __get_str(dev))
);

/* kvmgt let go of a GPU. */
DEFINE_EVENT(gvt_device, gvt_detach,
	TP_PROTO(const char *dev),
	TP_ARGS(dev)
);

/* The host is about to suspend. */
DEFINE_EVENT(gvt_device, gvt_suspend,
	TP_PROTO(const char *dev),
	TP_ARGS(dev)
);

/* The host has resumed. */
DEFINE_EVENT(gvt_device, gvt_resume,
	TP_PROTO(const char *dev),
	TP_ARGS(dev)
);

/* The host resets engines: phase 0 before, phase 1 after. */
TRACE_EVENT(gvt_gpu_reset,
	TP_PROTO(const char *dev, unsigned int engines, unsigned int phase),
	TP_ARGS(dev, engines, phase),
	TP_STRUCT__entry(
		__string(dev, dev)
		__field(unsigned int, engines)
		__field(unsigned int, phase)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->engines = engines;
		__entry->phase = phase;
	),
	TP_printk("%s engines 0x%x phase %u", __get_str(dev),
		  __entry->engines, __entry->phase)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
