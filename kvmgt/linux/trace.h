/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Events of trace system "gvt", which keeps the name it always had. Events of
 * the C GVT-g come, under their old names, with the code that they are about.
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

/*
 * What vGPUs do. Names, fields and text are those of the C GVT-g, which users'
 * scripts know. Names out of Rust have a length and no end.
 */
#ifndef GVT_TEMP_STR_LEN
#define GVT_TEMP_STR_LEN 30
#endif

/* A guest wrote a register of the interrupt hierarchy. */
TRACE_EVENT(write_ir,
	TP_PROTO(int id, const char *name, unsigned long len, unsigned int reg,
		 unsigned int new_val, unsigned int old_val),
	TP_ARGS(id, name, len, reg, new_val, old_val),
	TP_STRUCT__entry(
		__field(int, id)
		__array(char, buf, GVT_TEMP_STR_LEN)
		__field(unsigned int, reg)
		__field(unsigned int, new_val)
		__field(unsigned int, old_val)
		__field(bool, changed)
	),
	TP_fast_assign(
		__entry->id = id;
		snprintf(__entry->buf, GVT_TEMP_STR_LEN, "%.*s", (int)len, name);
		__entry->reg = reg;
		__entry->new_val = new_val;
		__entry->old_val = old_val;
		__entry->changed = new_val != old_val;
	),
	TP_printk("VM%u write [%s] %x, new %08x, old %08x, changed %08x",
		  __entry->id, __entry->buf, __entry->reg, __entry->new_val,
		  __entry->old_val, __entry->changed)
);

/* An event sets its bit in a vGPU's interrupt registers. */
TRACE_EVENT(propagate_event,
	TP_PROTO(int id, const char *name, unsigned long len, int bit),
	TP_ARGS(id, name, len, bit),
	TP_STRUCT__entry(
		__field(int, id)
		__array(char, buf, GVT_TEMP_STR_LEN)
		__field(int, bit)
	),
	TP_fast_assign(
		__entry->id = id;
		snprintf(__entry->buf, GVT_TEMP_STR_LEN, "%.*s", (int)len, name);
		__entry->bit = bit;
	),
	TP_printk("Set bit (%d) for (%s) for vgpu (%d)",
		  __entry->bit, __entry->buf, __entry->id)
);

/* A vGPU sends its message. */
TRACE_EVENT(inject_msi,
	TP_PROTO(int id, unsigned int address, unsigned int data),
	TP_ARGS(id, address, data),
	TP_STRUCT__entry(
		__field(int, id)
		__field(unsigned int, address)
		__field(unsigned int, data)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->address = address;
		__entry->data = data;
	),
	TP_printk("vgpu%d:inject msi address %x data %x",
		  __entry->id, __entry->address, __entry->data)
);

/* What vGPUs do that has no event in the C GVT-g. */

/*
 * A vGPU has the host execute a workload. It is told when that was submitted,
 * and can so come behind the end of a short one.
 */
TRACE_EVENT(gvt_workload_start,
	TP_PROTO(unsigned int id, const char *engine, unsigned long len,
		 unsigned long long context),
	TP_ARGS(id, engine, len, context),
	TP_STRUCT__entry(
		__field(unsigned int, id)
		__array(char, engine, GVT_TEMP_STR_LEN)
		__field(unsigned long long, context)
	),
	TP_fast_assign(
		__entry->id = id;
		snprintf(__entry->engine, GVT_TEMP_STR_LEN, "%.*s", (int)len, engine);
		__entry->context = context;
	),
	TP_printk("vgpu%u %s context %llu",
		  __entry->id, __entry->engine, __entry->context)
);

/* It has ended: outcome 0 all was executed, 1 it hung, 2 it was killed. */
TRACE_EVENT(gvt_workload_end,
	TP_PROTO(unsigned int id, const char *engine, unsigned long len,
		 unsigned long long serial, unsigned int outcome),
	TP_ARGS(id, engine, len, serial, outcome),
	TP_STRUCT__entry(
		__field(unsigned int, id)
		__array(char, engine, GVT_TEMP_STR_LEN)
		__field(unsigned long long, serial)
		__field(unsigned int, outcome)
	),
	TP_fast_assign(
		__entry->id = id;
		snprintf(__entry->engine, GVT_TEMP_STR_LEN, "%.*s", (int)len, engine);
		__entry->serial = serial;
		__entry->outcome = outcome;
	),
	TP_printk("vgpu%u %s serial %llu outcome %u",
		  __entry->id, __entry->engine, __entry->serial,
		  __entry->outcome)
);

/* A virtual CPU wrote a page table that KVM watches for a vGPU. */
TRACE_EVENT(gvt_write_tracked,
	TP_PROTO(unsigned int id, unsigned long long gpa, unsigned int bytes),
	TP_ARGS(id, gpa, bytes),
	TP_STRUCT__entry(
		__field(unsigned int, id)
		__field(unsigned long long, gpa)
		__field(unsigned int, bytes)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->gpa = gpa;
		__entry->bytes = bytes;
	),
	TP_printk("vgpu%u gpa 0x%llx bytes %u",
		  __entry->id, __entry->gpa, __entry->bytes)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
