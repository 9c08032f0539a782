"""Platform ``aliyun``: job groups of Alibaba Cloud OutboundBot, API version 2019-12-26."""
