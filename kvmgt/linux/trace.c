// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The tracepoints, and functions by which Rust fires them.
 */

#define CREATE_TRACE_POINTS
#include "trace.h"

#include "helpers.h"

void kvmgt_trace_attach(const char *dev, unsigned int major, unsigned int minor,
			unsigned long long features, unsigned int tracked,
			unsigned int lacking)
{
	trace_gvt_attach(dev, major, minor, features, tracked, lacking);
}

void kvmgt_trace_detach(const char *dev)
{
	trace_gvt_detach(dev);
}

void kvmgt_trace_suspend(const char *dev)
{
	trace_gvt_suspend(dev);
}

void kvmgt_trace_resume(const char *dev)
{
	trace_gvt_resume(dev);
}

void kvmgt_trace_write_ir(unsigned int id, const char *name, unsigned long len,
			  unsigned int reg, unsigned int new_val,
			  unsigned int old_val)
{
	trace_write_ir(id, name, len, reg, new_val, old_val);
}

void kvmgt_trace_propagate_event(unsigned int id, const char *name,
				 unsigned long len, unsigned int bit)
{
	trace_propagate_event(id, name, len, bit);
}

void kvmgt_trace_inject_msi(unsigned int id, unsigned int address,
			    unsigned int data)
{
	trace_inject_msi(id, address, data);
}

void kvmgt_trace_workload_start(unsigned int id, const char *engine,
				unsigned long len, unsigned long long context)
{
	trace_gvt_workload_start(id, engine, len, context);
}

void kvmgt_trace_workload_end(unsigned int id, const char *engine,
			      unsigned long len, unsigned long long serial,
			      unsigned int outcome)
{
	trace_gvt_workload_end(id, engine, len, serial, outcome);
}

void kvmgt_trace_write_tracked(unsigned int id, unsigned long long gpa,
			       unsigned int bytes)
{
	trace_gvt_write_tracked(id, gpa, bytes);
}
